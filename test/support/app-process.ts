import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import type { DataSourceOptions } from 'typeorm';
import type { KnoxModuleOptions } from '../../lib/index.ts';
import { HttpClient } from './http-client.ts';
import type { Isolation } from './isolation.ts';

/** What one application is to be. All of it is JSON. */
export interface Serve {
  database: DataSourceOptions;
  /** What the database server's default would be. */
  isolation?: Isolation | undefined;
  /** Options of KnoxModule, those that are no functions. */
  knox?: KnoxModuleOptions;
  /** The password of every user; see nameOf. */
  password: string;
  /** How many milliseconds the process's clock is ahead. */
  clockSkewMs?: number;
}

export interface Command {
  /** What to serve; without it, the application is closed. */
  serve?: Serve;
}

/** What GET /events tells of an event; `count` is 1 where it is about one token. */
export interface SentEvent {
  name: string;
  count: number;
  expiry: number | null;
}

/** What GET /stats tells. */
export interface AppStats {
  /** Since the last time someone asked. */
  longestLagMs: number;
  /** After a collection of what is no longer used. */
  heapBytes: number;
}

/** How long a process may take to do as it is told, in milliseconds; then it is ended. */
const OBEY_MS = 60_000;

/** A user is known by their key, so that a login asks nobody for it but the package. */
export const nameOf = (key: number): string => `user-${String(key)}`;

export const keyOfName = (username: string): number => Number(username.slice('user-'.length));

/** A Node.js process of its own, for one application at a time. */
export class AppProcess {
  readonly #child: ChildProcess;
  readonly #loaded: Promise<unknown>;

  /** @param main what it runs; answers commands as app-process.main.ts does */
  constructor(main = new URL('app-process.main.ts', import.meta.url)) {
    const flags = ['--expose-gc', '--import', new URL('register.mjs', import.meta.url).href];
    this.#child = fork(main, { execArgv: flags });
    this.#loaded = this.#answer();
  }

  /** Starts an application on a port of its own. */
  async serve(options: Serve): Promise<HttpClient> {
    await this.#loaded;
    const { url } = await this.#ask({ serve: options });
    return new HttpClient(url!);
  }

  /** Closes the application; the process can serve another one. */
  async close(): Promise<void> {
    await this.#ask({});
  }

  /** Ends the process, whatever it is doing. */
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
    const stuck = setTimeout(() => void this.kill(), OBEY_MS);
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
