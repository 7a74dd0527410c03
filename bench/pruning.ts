// `deleteExpired` on a million rows, by one process, while another one answers requests.
import { setTimeout as delay } from 'node:timers/promises';
import { createHash } from 'node:crypto';
import pg from 'pg';
import type { DataSourceOptions } from 'typeorm';
import { CONNECTIONS } from './compare.ts';
import { rawToken } from './credentials.ts';
import { fillTables, userOf, type Tokens } from './data.ts';
import type { DatabaseServer } from './database-servers.ts';
import { Server, median, type LoadGenerator, type Sample } from './measure.ts';
import type { Pace } from './growth.ts';
import { markdownTable } from './report.ts';
import type { Pruned } from './servers/knox-work.ts';

const LIVE: Tokens = { from: 1, to: 100_000, firstUser: 1, users: 10_000 };
/** How long one run of the load is meanwhile. */
const SLICE_MS = 500;

export async function pruning(
  postgres: DatabaseServer,
  generator: LoadGenerator,
  { warmUpMs, measureMs, expired: count }: Pace,
): Promise<void> {
  const expired: Tokens = {
    from: LIVE.to + 1,
    to: LIVE.to + count,
    firstUser: 1,
    users: LIVE.users,
    expired: true,
  };
  const database = await postgres.create('pruning');
  await fillTables(database, LIVE, expired);
  const credentials = Array.from({ length: 20_000 }, (_, index) => ({
    token: index + 1,
    user: userOf(index + 1, LIVE),
  }));
  await generator.prepare({ name: 'live', kind: 'knox', credentials });
  const server = await Server.start('knox', { adapter: 'express', database });
  const pruner = await Server.start('knox-work', { adapter: 'express', database });
  await server.check('knox', credentials[0]!);
  const run = (ms: number): Promise<Sample> =>
    server.measure(generator, { requests: 'live', connections: CONNECTIONS, ms });
  await run(warmUpMs);
  const before: Sample[] = [];
  for (let ms = 0; ms < measureMs; ms += SLICE_MS) before.push(await run(SLICE_MS));

  const probe = await LockProbe.start(database, expired);
  const meanwhile: Sample[] = [];
  const state = { over: false };
  const work = pruner.helper.ask<Pruned>('deleteExpired').finally(() => (state.over = true));
  // A failure is thrown below, when all has been measured.
  work.catch(() => {});
  while (!state.over) meanwhile.push(await run(SLICE_MS));
  const { deleted, seconds } = await work;
  const locks = await probe.stop();
  await server.stop();
  await pruner.stop();

  const p99 = (samples: readonly Sample[]): number[] => samples.map(({ p99Ms }) => p99Ms);
  console.log(
    markdownTable(
      ['deleteExpired, while another process answers requests', ''],
      [
        ['rows deleted', deleted.toLocaleString('en')],
        ['rows a second', Math.round(deleted / seconds).toLocaleString('en')],
        ['its longest transaction, ms', locks.transactionMs.toFixed(1)],
        [
          'longest wait for a row that it may delete, ms',
          `${locks.waitMs.toFixed(1)} (${locks.probes} tries)`,
        ],
        ['p99 of the requests before, ms', median(p99(before)).toFixed(2)],
        ['p99 of the requests meanwhile, ms', median(p99(meanwhile)).toFixed(2)],
        ['the worst half second has a p99 of, ms', Math.max(...p99(meanwhile)).toFixed(2)],
      ],
    ),
  );
}

/** Asks again and again how old the pruning transaction is, and for the lock of a row that it is about to delete. */
class LockProbe {
  #stopped = false;
  #transactionMs = 0;
  #waitMs = 0;
  #probes = 0;
  readonly #work: Promise<unknown>;

  private constructor(
    private readonly watcher: pg.Client,
    private readonly rival: pg.Client,
    private readonly expired: Tokens,
  ) {
    this.#work = Promise.all([this.#watch(), this.#contend()]);
  }

  static async start(database: DataSourceOptions, expired: Tokens): Promise<LockProbe> {
    const { host, port, username, database: name } = database as Record<string, any>;
    const connect = async (): Promise<pg.Client> => {
      const client = new pg.Client({ host, port, user: username, database: name });
      await client.connect();
      return client;
    };
    return new LockProbe(await connect(), await connect(), expired);
  }

  async stop(): Promise<{ transactionMs: number; waitMs: number; probes: number }> {
    this.#stopped = true;
    await this.#work;
    await this.watcher.end();
    await this.rival.end();
    return { transactionMs: this.#transactionMs, waitMs: this.#waitMs, probes: this.#probes };
  }

  async #watch(): Promise<void> {
    while (!this.#stopped) {
      const { rows } = await this.watcher.query(
        `SELECT max(extract(epoch FROM clock_timestamp() - xact_start)) * 1000 AS ms FROM pg_stat_activity
         WHERE datname = current_database() AND backend_xid IS NOT NULL AND pid <> $1`,
        [(this.rival as any).processID],
      );
      this.#transactionMs = Math.max(this.#transactionMs, Number(rows[0].ms ?? 0));
      await delay(3);
    }
  }

  async #contend(): Promise<void> {
    while (!this.#stopped) {
      const { from, to } = this.expired;
      const number = from + Math.floor(Math.random() * (to - from + 1));
      const digest = createHash('sha512').update(rawToken(number)).digest('hex');
      const start = performance.now();
      await this.rival.query('SELECT 1 FROM knox_auth_token WHERE digest = $1 FOR UPDATE', [
        digest,
      ]);
      this.#waitMs = Math.max(this.#waitMs, performance.now() - start);
      this.#probes += 1;
      await delay(3);
    }
  }
}
