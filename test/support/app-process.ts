import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { DataSourceOptions } from 'typeorm';
import type { KnoxModuleOptions } from '../../lib/index.ts';
import { TYPESCRIPT } from './child-process.ts';
import { HttpClient } from './http-client.ts';
import type { Isolation } from './isolation.ts';

/** The settings of one application. They are sent as JSON. */
export interface Serve {
  database: DataSourceOptions;
  /** The isolation level of transactions that name none. Default: the server's. */
  isolation?: Isolation | undefined;
  /** Whether its tokens are SessionTokens. Default: AuthTokens. */
  hasSessions?: boolean;
  /** Options of KnoxModule that JSON can hold. */
  knox?: KnoxModuleOptions;
  /** The password of every user. */
  password: string;
  /** How many milliseconds the process's clock is ahead. Default: 0. */
  clockSkewMs?: number;
}

export interface Command {
  /** The application to start; without it, the one that runs is closed. */
  serve?: Serve;
}

/** An event in the answer of GET /events. `count` is 1 if the event is about one token. */
export interface SentEvent {
  name: string;
  count: number;
  expiry: number | null;
}

/** The answer of GET /stats. */
export interface AppStats {
  /** Since the last request for the statistics. */
  maxEventLoopDelayMs: number;
  /** After a garbage collection. */
  heapBytes: number;
}

/** A process that takes longer than this to obey a command is killed, in milliseconds. */
const COMMAND_TIMEOUT_MS = 60_000;

/** The name of the user with this key. The key is in the name, so that a login needs no query to find it. */
export const nameOf = (key: number): string => `user-${String(key)}`;

export const keyOfName = (username: string): number => Number(username.slice('user-'.length));

/** Another Node.js process, for one application at a time. */
export class AppProcess {
  readonly #child: ChildProcess;
  readonly #loaded: Promise<unknown>;

  /** @param main the program of the process, which calls `obeyCommands` */
  constructor(main = new URL('app-process.main.ts', import.meta.url)) {
    this.#child = fork(main, { execArgv: ['--expose-gc', ...TYPESCRIPT] });
    this.#loaded = this.#answer();
  }

  /** Starts an application on a free port. */
  async serve(options: Serve): Promise<HttpClient> {
    await this.#loaded;
    const { url } = await this.#ask({ serve: options });
    return new HttpClient(url!);
  }

  /** Closes the application; the process can serve another one. */
  async close(): Promise<void> {
    await this.#ask({});
  }

  /** Kills the process. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGKILL');
    await exited;
  }

  #ask(command: Command): Promise<{ url?: string }> {
    if (!this.#child.connected) return Promise.reject(new Error('The process has ended.'));
    const answer = this.#answer();
    this.#child.send(command);
    return answer;
  }

  async #answer(): Promise<{ url?: string }> {
    const ended = new AbortController();
    const { signal } = ended;
    const stuck = setTimeout(() => void this.kill(), COMMAND_TIMEOUT_MS);
    try {
      const [answer] = await Promise.race([
        once(this.#child, 'message', { signal }),
        once(this.#child, 'exit', { signal }).then((how) => [
          { error: `The process ended with ${how.map(String).join(', ')}.` },
        ]),
      ]);
      if (answer.error) throw new Error(answer.error);
      return answer;
    } finally {
      clearTimeout(stuck);
      ended.abort();
    }
  }
}
