// How the costs grow with the number of tokens: PostgreSQL, Express.
import type { DataSourceOptions } from 'typeorm';
import { credentialsOf, type Credential, type Tokens } from './credentials.ts';
import {
  fillTables,
  FULL_DATA,
  insertTokens,
  insertUsers,
  settleTables,
  withSchema,
} from './data.ts';
import { startPostgres, type DatabaseServer } from './database-servers.ts';
import {
  LoadGenerator,
  Server,
  measureInTurns,
  median,
  medianOf,
  type Entry,
  type LoadSettings,
} from './measure.ts';
import { pruning } from './pruning.ts';
import { markdownTable } from './report.ts';
import type { LoginCost } from './servers/knox-worker.ts';

const SIZES = [1_000, 10_000, 100_000, 1_000_000];
const TOKENS_PER_USER = [1, 100, 10_000];
/** How many distinct tokens a run asks for, at most. */
const ASKED = 20_000;

interface TableSizeSettings extends LoadSettings {
  readonly logins: number;
}

export async function tableSize(quick: boolean): Promise<void> {
  const settings = quick
    ? { rounds: 3, warmUpMs: 1000, measureMs: 700, logins: 100 }
    : { rounds: 7, warmUpMs: 5000, measureMs: 4000, logins: 500 };
  const postgres = await startPostgres();
  const generator = await LoadGenerator.start();
  await lookups(postgres, generator, settings);
  await tokensPerUser(postgres, generator, settings);
  await pruning(postgres, generator, settings, quick ? 100_000 : 1_000_000);
  await generator.stop();
}

/** A database for each size. Every request asks for a random token. */
async function lookups(
  postgres: DatabaseServer,
  generator: LoadGenerator,
  settings: LoadSettings,
): Promise<void> {
  const entries: Entry[] = [];
  for (const size of SIZES) {
    const tokens: Tokens = { from: 1, to: size, firstUser: 1, users: size / 10 };
    const database = await postgres.create(`tokens_${size}`);
    await fillTables(database, tokens);
    const credentials = credentialsOf(tokens, Math.min(size, ASKED));
    const label = size.toLocaleString('en');
    entries.push(await startEntry(generator, postgres, database, label, credentials));
  }
  await compareCosts('tokens in the table', generator, entries, settings);
}

/** Asks for one token of a user who has few, and of a user who has many, in the same table. */
async function tokensPerUser(
  postgres: DatabaseServer,
  generator: LoadGenerator,
  settings: TableSizeSettings,
): Promise<void> {
  const database = await postgres.create('tokens_per_user');
  await fillTables(database, FULL_DATA);
  const entries: Entry[] = [];
  const owners: { user: number; count: number }[] = [];
  await withSchema(database, async (dataSource) => {
    let from = FULL_DATA.to + 1;
    for (const [index, count] of TOKENS_PER_USER.entries()) {
      const user = FULL_DATA.users + 1 + index;
      await insertUsers(dataSource, user, user);
      await insertTokens(dataSource, { from, to: from + count - 1, firstUser: user, users: 1 });
      const label = count.toLocaleString('en');
      entries.push(await startEntry(generator, postgres, database, label, [{ token: from, user }]));
      owners.push({ user, count });
      from += count;
    }
    await settleTables(dataSource);
  });
  await compareCosts('tokens of the user', generator, entries, settings);
  await logins(postgres, database, owners, settings);
}

/** Calls `TokenService.create` one after another, as logins do. Deletes the new tokens after each round. */
async function logins(
  postgres: DatabaseServer,
  database: DataSourceOptions,
  owners: readonly { user: number; count: number }[],
  { rounds, logins: perRound }: TableSizeSettings,
): Promise<void> {
  const server = await Server.start('knox-worker', { adapter: 'express', database });
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
      const cost = await server.worker.ask<LoginCost>('logins', { user, limit, count: perRound });
      const databaseCpuMs = (postgres.cpuMs() - before) / perRound;
      if (round > 0) costs.push({ ...cost, databaseCpuMs });
      await server.worker.ask('forget', { user });
    }
  }
  await server.stop();
  console.log(
    `${markdownTable(
      ['login of a user with', 'limit', 'p50 ms', 'CPU ms/login', 'CPU of PostgreSQL'],
      cases.map(({ count, limit, costs }) => [
        `${count.toLocaleString('en')} tokens`,
        limit === null ? 'none' : 'one that is not reached',
        median(costs.map(({ p50Ms }) => p50Ms)).toFixed(2),
        median(costs.map(({ cpuMs }) => cpuMs)).toFixed(3),
        median(costs.map(({ databaseCpuMs }) => databaseCpuMs)).toFixed(3),
      ]),
    )}\n`,
  );
}

/** A server with the default guard, and its requests with these credentials. */
async function startEntry(
  generator: LoadGenerator,
  databaseServer: DatabaseServer,
  database: DataSourceOptions,
  label: string,
  credentials: readonly [Credential, ...Credential[]],
): Promise<Entry> {
  const requests = `knox-${database.database as string}-${label}`;
  await generator.prepare({ name: requests, kind: 'knox', credentials });
  const server = await Server.start('knox', { adapter: 'express', database, databaseServer });
  await server.check('knox', credentials[0]);
  return { label, server, requests };
}

async function compareCosts(
  what: string,
  generator: LoadGenerator,
  entries: readonly Entry[],
  settings: LoadSettings,
): Promise<void> {
  const results = await measureInTurns(generator, entries, settings);
  const figures = results.map(({ measurements }) => medianOf(measurements));
  const base = figures[0]!.cpuMsPerRequest;
  const head = ['CPU ms/request', 'against the first', 'CPU of PostgreSQL', 'requests/s'];
  const rows = figures.map(({ cpuMsPerRequest, databaseCpuMs, rps }, index) => [
    results[index]!.label,
    cpuMsPerRequest.toFixed(4),
    `${(cpuMsPerRequest / base).toFixed(2)} ×`,
    databaseCpuMs.toFixed(4),
    Math.round(rps).toLocaleString('en'),
  ]);
  console.log(`${markdownTable([what, ...head], rows)}\n`);
}
