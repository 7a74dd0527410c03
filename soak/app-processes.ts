import type { DataSourceOptions } from 'typeorm';
import type { KnoxModuleOptions } from '../lib/index.ts';
import type { HttpClient } from '../test/support/http-client.ts';
import { AppProcess } from '../test/support/app-process.ts';
import type { ProcessStats } from './app.main.ts';
import type { Fault } from './databases.ts';

const MAIN = new URL('app.main.ts', import.meta.url);

/** The password of every user. */
export const PASSWORD = 'hunter2';

interface Member {
  process: AppProcess;
  client: HttpClient;
  /** The heap when the process had warmed up, in bytes; null before that. */
  heapBytes: number | null;
  readonly database: DataSourceOptions;
}

/** The application processes, all on one database. */
export class AppProcesses {
  readonly #knox: KnoxModuleOptions;
  readonly #members: Member[] = [];

  private constructor(knox: KnoxModuleOptions) {
    this.#knox = knox;
  }

  /** @param databases how each process connects to the one database */
  static async start(
    databases: readonly DataSourceOptions[],
    knox: KnoxModuleOptions,
  ): Promise<AppProcesses> {
    const apps = new AppProcesses(knox);
    apps.#members.push(...(await Promise.all(databases.map((database) => apps.#start(database)))));
    return apps;
  }

  get size(): number {
    return this.#members.length;
  }

  client(index: number): HttpClient {
    return this.#members[index]!.client;
  }

  /** Kills one process after the other, and starts it again. */
  killing(): Fault {
    let index = -1;
    return {
      name: 'an application process killed (SIGKILL)',
      begin: async () => {
        index = (index + 1) % this.size;
        await this.#members[index]!.process.kill();
      },
      end: async () => {
        this.#members[index] = await this.#start(this.#members[index]!.database);
      },
    };
  }

  /** Notes the heap of each process that has no figure yet. */
  async noteHeaps(): Promise<void> {
    for (const member of this.#members) {
      member.heapBytes ??= (await statsOf(member.client)).heapBytes;
    }
  }

  /** The statistics of each process, with the growth of its heap since `noteHeaps`, in bytes. */
  async stats(): Promise<(ProcessStats & { readonly growthBytes: number })[]> {
    return Promise.all(
      this.#members.map(async ({ client, heapBytes }) => {
        const stats = await statsOf(client);
        return { ...stats, growthBytes: heapBytes === null ? 0 : stats.heapBytes - heapBytes };
      }),
    );
  }

  async close(): Promise<void> {
    await Promise.all(this.#members.map(({ process }) => process.kill()));
  }

  async #start(database: DataSourceOptions): Promise<Member> {
    const process = new AppProcess(MAIN);
    const serve = { database, knox: this.#knox, password: PASSWORD };
    return { process, client: await process.serve(serve), heapBytes: null, database };
  }
}

async function statsOf(client: HttpClient): Promise<ProcessStats> {
  return (await client.get('/stats?gc')).body as ProcessStats;
}
