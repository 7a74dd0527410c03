// The guards side by side: each in a process of its own, alternating, round by round.
import { join } from 'node:path';
import type { DataSourceOptions } from 'typeorm';
import type { CredentialKind } from './credentials.ts';
import {
  startMariadb,
  startPostgres,
  temporaryFolder,
  type DatabaseName,
  type DatabaseServer,
} from './database-servers.ts';
import { fillBetterAuth, fillTables, userOf, type Tokens } from './data.ts';
import { LoadGenerator, Server, medianOf, type AdapterName, type Sample } from './measure.ts';

export type GuardName =
  'none' | 'jwt-documented' | 'jwt-keyobject' | 'jwt-lean' | 'naive' | 'better-auth' | 'knox';

export interface Contestant {
  readonly guard: GuardName;
  readonly adapter: AdapterName;
  readonly database: DatabaseName | null;
}

export interface Outcome extends Contestant, Sample {}

export interface Plan {
  readonly contestants: readonly Contestant[];
  readonly data: Tokens;
  readonly rounds: number;
  readonly warmUpMs: number;
  readonly measureMs: number;
  /** When all should be over, as an instant; the runs get shorter for it. */
  readonly deadline?: number;
}

export const CONNECTIONS = 32;
export const DATA: Tokens = { from: 1, to: 100_000, firstUser: 1, users: 10_000 };
/** Of a quick run, which spends its time on the guards. */
export const LESS_DATA: Tokens = { from: 1, to: 10_000, firstUser: 1, users: 1000 };
export const LITTLE_DATA: Tokens = { from: 1, to: 1000, firstUser: 1, users: 100 };

const CREDENTIALS: Readonly<Record<GuardName, CredentialKind | null>> = {
  none: null,
  'jwt-documented': 'jwt',
  'jwt-keyobject': 'jwt',
  'jwt-lean': 'jwt',
  naive: 'knox',
  'better-auth': 'better-auth',
  knox: 'knox',
};

export const EVERYONE: readonly Contestant[] = (['express', 'fastify'] as const).flatMap(
  (adapter) =>
    (
      [
        ['none', null],
        ['jwt-documented', null],
        ['jwt-keyobject', null],
        ['jwt-lean', null],
        ['naive', 'postgres'],
        ['better-auth', 'postgres'],
        ['knox', 'postgres'],
        ['knox', 'mariadb'],
        ['knox', 'sqlite'],
      ] as const
    ).map(([guard, database]) => ({ guard, adapter, database })),
);

export const SMOKE: readonly Contestant[] = [
  { guard: 'none', adapter: 'fastify', database: null },
  { guard: 'jwt-lean', adapter: 'express', database: null },
  { guard: 'knox', adapter: 'express', database: 'sqlite' },
  { guard: 'knox', adapter: 'fastify', database: 'postgres' },
];

export interface Comparison {
  readonly outcomes: readonly Outcome[];
  /** Of the database servers. */
  readonly versions: readonly string[];
}

export async function compare(plan: Plan): Promise<Comparison> {
  const databases = await fill(plan);
  const outcomes = await runRounds(plan, databases);
  const versions = [...databases.values()].flatMap(({ server }) => server?.version ?? []);
  return { outcomes, versions };
}

interface Filled {
  readonly options: DataSourceOptions;
  readonly server?: DatabaseServer;
}

async function fill({ contestants, data }: Plan): Promise<Map<DatabaseName, Filled>> {
  const names = new Set(contestants.map(({ database }) => database));
  const filled = new Map<DatabaseName, Filled>();
  if (names.has('postgres')) {
    const server = await startPostgres();
    filled.set('postgres', { server, options: await server.create('bench') });
    if (contestants.some(({ guard }) => guard === 'better-auth')) {
      await fillBetterAuth(await server.create('better_auth'), data);
    }
  }
  if (names.has('mariadb')) {
    const server = await startMariadb();
    filled.set('mariadb', { server, options: await server.create('bench') });
  }
  if (names.has('sqlite')) {
    const database = join(temporaryFolder(), 'bench.db');
    filled.set('sqlite', { options: { type: 'better-sqlite3', database, enableWAL: true } });
  }
  for (const { options } of filled.values()) await fillTables(options, data);
  return filled;
}

async function runRounds(
  { contestants, data, rounds, warmUpMs, measureMs, deadline = Infinity }: Plan,
  databases: ReadonlyMap<DatabaseName, Filled>,
): Promise<Outcome[]> {
  const generator = await LoadGenerator.start();
  const credentials = Array.from({ length: data.to }, (_, index) => ({
    token: index + 1,
    user: userOf(index + 1, data),
  }));
  for (const kind of new Set(contestants.map(({ guard }) => CREDENTIALS[guard] ?? 'knox'))) {
    await generator.prepare({ name: kind, kind, credentials });
  }
  const entries: { contestant: Contestant; server: Server; samples: Sample[]; requests: string }[] =
    [];
  for (const contestant of contestants) {
    const { guard, adapter } = contestant;
    const filled = contestant.database ? databases.get(contestant.database) : undefined;
    const database =
      (guard === 'better-auth' ? filled?.server?.options('better_auth') : filled?.options) ?? null;
    const server = await Server.start(guard, { adapter, database, databaseServer: filled?.server });
    const kind = CREDENTIALS[guard];
    await server.check(kind, credentials[0]!);
    const requests = kind ?? 'knox';
    await server.measure(generator, { requests, connections: CONNECTIONS, ms: warmUpMs });
    entries.push({ contestant, server, samples: [], requests });
    process.stderr.write(`warm: ${labelOf(contestant)}\n`);
  }
  for (let round = 1; round <= rounds; round += 1) {
    for (const [index, { contestant, server, samples, requests }] of entries.entries()) {
      const left = (rounds - round + 1) * entries.length - index;
      const ms = Math.max(300, Math.min(measureMs, (deadline - Date.now()) / left / 1.2 - 40));
      // Connections, caches and clock speed as they are in the middle of a run.
      await server.measure(generator, { requests, connections: CONNECTIONS, ms: ms / 8 });
      samples.push(await server.measure(generator, { requests, connections: CONNECTIONS, ms }));
      const { rps } = samples.at(-1)!;
      process.stderr.write(`round ${round}: ${labelOf(contestant)}: ${rps.toFixed(0)}/s\n`);
    }
  }
  for (const { server } of entries) await server.stop();
  await generator.stop();
  return entries.map(({ contestant, samples }) => ({ ...contestant, ...medianOf(samples) }));
}

export function labelOf({ guard, adapter, database }: Contestant): string {
  return [guard, adapter, database].filter(Boolean).join(', ');
}
