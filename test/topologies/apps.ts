import type { DataSource, DataSourceOptions } from 'typeorm';
import type { KnoxModuleOptions } from '../../lib/index.ts';
import { PASSWORD } from '../support/app.ts';
import { AppProcess } from '../support/app-process.ts';
import type { HttpClient } from '../support/http-client.ts';
import { openWithUsers, verdicts } from '../support/numbered-users.ts';

/** The number of users. Their keys are 1 to USERS. */
export const USERS = 20;

/** Creates tables and users, on one connection that goes to the server itself. */
export function setUpDatabase(options: DataSourceOptions): Promise<DataSource> {
  return openWithUsers({ ...options, poolSize: 1 } as DataSourceOptions, USERS);
}

/** Application processes, each with its own data source options. */
export class Apps {
  readonly #processes: AppProcess[];
  clients: readonly HttpClient[] = [];

  constructor(count: number) {
    this.#processes = Array.from({ length: count }, () => new AppProcess());
  }

  async serve(databases: DataSourceOptions[], knox: KnoxModuleOptions): Promise<void> {
    this.clients = await Promise.all(
      this.#processes.map((process, index) =>
        process.serve({ database: databases[index]!, knox, password: PASSWORD }),
      ),
    );
  }

  /** The client for a request of this number: the applications take turns. */
  at(index: number): HttpClient {
    return this.clients[index % this.clients.length]!;
  }

  /** The status with which each application answers to the token. */
  verdicts(token: string): Promise<number[]> {
    return verdicts(this.clients, token);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#processes.map((process) => process.kill()));
  }
}
