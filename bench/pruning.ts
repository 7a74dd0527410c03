// `deleteExpired` of many rows in one process, while another process answers requests.
import { setTimeout as delay } from 'node:timers/promises';
import { createHash } from 'node:crypto';
import pg from 'pg';
import type { DataSourceOptions } from 'typeorm';
import { credentialsOf, rawToken, type Credential, type Tokens } from './credentials.ts';
import { fillTables, FULL_DATA } from './data.ts';
import type { DatabaseServer } from './database-servers.ts';
import {
  CONNECTIONS,
  Server,
  median,
  type LoadGenerator,
  type LoadSettings,
  type Measurement,
} from './measure.ts';
import { markdownTable } from './report.ts';
import type { Pruned } from './servers/knox-worker.ts';

/** How long each run of the load is, in milliseconds. */
const SLICE_MS = 500;

export async function pruning(
  postgres: DatabaseServer,
  generator: LoadGenerator,
  { warmUpMs, measureMs }: LoadSettings,
  count: number,
): Promise<void> {
  const expired: Tokens = {
    ...FULL_DATA,
    from: FULL_DATA.to + 1,
    to: FULL_DATA.to + count,
    expired: true,
  };
  const database = await postgres.create('pruning');
  await fillTables(database, FULL_DATA, expired);
  const credentials = credentialsOf(FULL_DATA, 20_000);
  const settings = { warmUpMs, measureMs };
  console.log(await pruneMeanwhile(database, generator, settings, credentials, expired));
}

/**
 * @param expired some of the tokens that are about to be deleted
 * @returns a table
 */
export async function pruneMeanwhile(
  database: DataSourceOptions,
  generator: LoadGenerator,
  { warmUpMs, measureMs }: Pick<LoadSettings, 'warmUpMs' | 'measureMs'>,
  credentials: readonly [Credential, ...Credential[]],
  expired: Tokens,
): Promise<string> {
  await generator.prepare({ name: 'live', kind: 'knox', credentials });
  const server = await Server.start('knox', { adapter: 'express', database });
  const pruner = await Server.start('knox-worker', { adapter: 'express', database });
  await server.check('knox', credentials[0]);
  const run = (ms: number): Promise<Measurement> =>
    server.measure(generator, { requests: 'live', connections: CONNECTIONS, ms });
  await run(warmUpMs);
  const before: Measurement[] = [];
  for (let ms = 0; ms < measureMs; ms += SLICE_MS) before.push(await run(SLICE_MS));

  const probe = await LockProbe.start(database, expired);
  const meanwhile: Measurement[] = [];
  const state = { over: false };
  const work = pruner.worker.ask<Pruned>('deleteExpired').finally(() => (state.over = true));
  // A failure is thrown by the `await` below; until then it must not count as unhandled.
  work.catch(() => {});
  while (!state.over) meanwhile.push(await run(SLICE_MS));
  const { deleted, seconds } = await work;
  const locks = await probe.stop();
  await server.stop();
  await pruner.stop();

  const p99 = (measurements: readonly Measurement[]): number[] =>
    measurements.map(({ p99Ms }) => p99Ms);
  const [usual, during] = [median(p99(before)), median(p99(meanwhile))];
  return markdownTable(
    ['deleteExpired, while another process answers requests', ''],
    [
      ['rows deleted', deleted.toLocaleString('en')],
      ['rows a second', Math.round(deleted / seconds).toLocaleString('en')],
      ['its longest transaction, ms', locks.transactionMs.toFixed(1)],
      [
        'longest wait for a row that it may delete, ms',
        `${locks.waitMs.toFixed(1)} (${locks.probes} tries)`,
      ],
      ['p99 of the requests before, ms', usual.toFixed(2)],
      ['p99 of the requests meanwhile, ms', during.toFixed(2)],
      ['against before', `${(during / usual).toFixed(2)} ×`],
      ['the worst half second has a p99 of, ms', Math.max(...p99(meanwhile)).toFixed(2)],
    ],
  );
}

/** Polls the age of the pruning transaction, and locks rows that it is about to delete. */
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
