// What becomes of the costs as tokens become many: PostgreSQL, Express.
import type { DataSourceOptions } from 'typeorm';
import {
  fillTables,
  insertTokens,
  insertUsers,
  settle,
  userOf,
  withTables,
  type Tokens,
} from './data.ts';
import { startPostgres, type DatabaseServer } from './database-servers.ts';
import type { Owned } from './credentials.ts';
import { CONNECTIONS } from './compare.ts';
import { LoadGenerator, Server, median, medianOf, type Sample } from './measure.ts';
import { markdownTable } from './report.ts';
import { pruning } from './pruning.ts';
import type { LoginCost } from './servers/knox-work.ts';

const SIZES = [1_000, 10_000, 100_000, 1_000_000];
const HOLDINGS = [1, 100, 10_000];
/** As many distinct tokens as a run asks for at most, however many there are. */
const ASKED = 20_000;

export interface Pace {
  readonly rounds: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
  readonly logins: number;
  /** How many rows `deleteExpired` finds. */
  readonly expired: number;
}

export async function growth(quick: boolean): Promise<void> {
  const pace = quick
    ? { rounds: 3, warmUpMs: 1000, measureMs: 700, logins: 100, expired: 100_000 }
    : { rounds: 7, warmUpMs: 5000, measureMs: 4000, logins: 500, expired: 1_000_000 };
  const postgres = await startPostgres();
  const generator = await LoadGenerator.start();
  await lookups(postgres, generator, pace);
  await holdings(postgres, generator, pace);
  await pruning(postgres, generator, pace);
  await generator.stop();
}

/** Each size in a database of its own. Every request asks for a token by chance. */
async function lookups(
  postgres: DatabaseServer,
  generator: LoadGenerator,
  pace: Pace,
): Promise<void> {
  const entries: Entry[] = [];
  for (const size of SIZES) {
    const tokens: Tokens = { from: 1, to: size, firstUser: 1, users: size / 10 };
    const database = await postgres.create(`tokens_${size}`);
    await fillTables(database, tokens);
    const requests = `tokens-${size}`;
    const count = Math.min(size, ASKED);
    const credentials = Array.from({ length: count }, (_, index) => {
      const token = 1 + Math.floor((index * size) / count);
      return { token, user: userOf(token, tokens) };
    });
    await generator.prepare({ name: requests, kind: 'knox', credentials });
    entries.push({ label: size.toLocaleString('en'), database, requests, first: credentials[0]! });
  }
  const rows = await alternate(postgres, generator, pace, entries);
  printCosts('tokens in the table', rows);
}

/** One token of a user with few, and one of a user with many, in the same table. */
async function holdings(
  postgres: DatabaseServer,
  generator: LoadGenerator,
  pace: Pace,
): Promise<void> {
  const database = await postgres.create('holdings');
  await fillTables(database, { from: 1, to: 100_000, firstUser: 1, users: 10_000 });
  const entries: Entry[] = [];
  const owners: { user: number; holds: number }[] = [];
  await withTables(database, async (dataSource) => {
    let from = 100_001;
    for (const [index, holds] of HOLDINGS.entries()) {
      const user = 10_001 + index;
      await insertUsers(dataSource, user, user);
      await insertTokens(dataSource, { from, to: from + holds - 1, firstUser: user, users: 1 });
      const requests = `holding-${holds}`;
      const first = { token: from, user };
      await generator.prepare({ name: requests, kind: 'knox', credentials: [first] });
      entries.push({ label: holds.toLocaleString('en'), database, requests, first });
      owners.push({ user, holds });
      from += holds;
    }
    await settle(dataSource);
  });
  const rows = await alternate(postgres, generator, pace, entries);
  printCosts('tokens of the user', rows);
  await logins(postgres, database, owners, pace);
}

/** `TokenService.create`, one after another, as a login calls it. What it made is deleted after each round. */
async function logins(
  postgres: DatabaseServer,
  database: Entry['database'],
  owners: readonly { user: number; holds: number }[],
  { rounds, logins: count }: Pace,
): Promise<void> {
  const server = await Server.start('knox-work', { adapter: 'express', database });
  const cases = [null, 1_000_000].flatMap((limit) =>
    owners.map((owner) => ({
      ...owner,
      limit,
      costs: [] as (LoginCost & { databaseCpuMs: number })[],
    })),
  );
  for (let round = 0; round <= rounds; round += 1) {
    for (const { user, limit, costs } of cases) {
      const before = postgres.cpuMs();
      const cost = await server.helper.ask<LoginCost>('logins', { user, limit, count });
      const databaseCpuMs = (postgres.cpuMs() - before) / count;
      if (round > 0) costs.push({ ...cost, databaseCpuMs });
      await server.helper.ask('forget', { user });
    }
  }
  await server.stop();
  console.log(
    `${markdownTable(
      ['login of a user with', 'limit', 'p50 ms', 'CPU ms/login', 'CPU of PostgreSQL'],
      cases.map(({ holds, limit, costs }) => [
        `${holds.toLocaleString('en')} tokens`,
        limit === null ? 'none' : 'one that is not reached',
        median(costs.map(({ p50Ms }) => p50Ms)).toFixed(2),
        median(costs.map(({ cpuMs }) => cpuMs)).toFixed(3),
        median(costs.map(({ databaseCpuMs }) => databaseCpuMs)).toFixed(3),
      ]),
    )}\n`,
  );
}

interface Entry {
  readonly label: string;
  readonly database: DataSourceOptions;
  /** The name they are prepared under, and the first of them. */
  readonly requests: string;
  readonly first: Owned;
}

/** A server for each, all of them in each round, and of each figure the median. */
async function alternate(
  postgres: DatabaseServer,
  generator: LoadGenerator,
  { rounds, warmUpMs, measureMs }: Pace,
  entries: readonly Entry[],
): Promise<{ label: string; sample: Sample }[]> {
  const running = [];
  for (const entry of entries) {
    const { database, first } = entry;
    const server = await Server.start('knox', {
      adapter: 'express',
      database,
      databaseServer: postgres,
    });
    await server.check('knox', first);
    running.push({ ...entry, server, samples: [] as Sample[] });
  }
  for (let round = 0; round <= rounds; round += 1) {
    for (const { server, requests, samples } of running) {
      const ms = round === 0 ? warmUpMs : measureMs;
      const sample = await server.measure(generator, { requests, connections: CONNECTIONS, ms });
      if (round > 0) samples.push(sample);
    }
  }
  for (const { server } of running) await server.stop();
  return running.map(({ label, samples }) => ({ label, sample: medianOf(samples) }));
}

function printCosts(what: string, rows: readonly { label: string; sample: Sample }[]): void {
  const head = ['CPU ms/request', 'against the first', 'CPU of PostgreSQL', 'requests/s'];
  const base = rows[0]!.sample.cpuMsPerRequest;
  const cells = rows.map(({ label, sample }) => [
    label,
    sample.cpuMsPerRequest.toFixed(4),
    `${(sample.cpuMsPerRequest / base).toFixed(2)} ×`,
    sample.databaseCpuMs.toFixed(4),
    Math.round(sample.rps).toLocaleString('en'),
  ]);
  console.log(`${markdownTable([what, ...head], cells)}\n`);
}
