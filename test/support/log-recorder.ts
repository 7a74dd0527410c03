import type { LoggerService } from '@nestjs/common';

/** Keeps what the application logs, instead of printing it: `app.useLogger(new LogRecorder())`. */
export class LogRecorder implements LoggerService {
  readonly lines: { level: string; message: string; rest: unknown[] }[] = [];

  log = this.#at('log');
  error = this.#at('error');
  warn = this.#at('warn');
  debug = this.#at('debug');
  verbose = this.#at('verbose');
  fatal = this.#at('fatal');

  get errors(): string[] {
    return this.lines.filter(({ level }) => level === 'error').map(({ message }) => message);
  }

  /** All that was logged, stacks included. */
  get text(): string {
    return JSON.stringify(this.lines);
  }

  #at(level: string): (message: unknown, ...rest: unknown[]) => void {
    return (message, ...rest) => {
      this.lines.push({ level, message: String(message), rest });
    };
  }
}
