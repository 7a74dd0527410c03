import type { LoggerService } from '@nestjs/common';

/** A logger that keeps all messages and prints none: `app.useLogger(new LogRecorder())`. */
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

  /** All messages with their stacks. */
  get text(): string {
    return JSON.stringify(this.lines);
  }

  #at(level: string): (message: unknown, ...rest: unknown[]) => void {
    return (message, ...rest) => {
      this.lines.push({ level, message: String(message), rest });
    };
  }
}
