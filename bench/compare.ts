// The guards side by side: each in a process of its own, alternating, round by round.
import { credentialsOf, type CredentialKind, type Tokens } from './credentials.ts';
import { fillBetterAuth, fillSessions } from './data.ts';
import { prepareDatabase, type DatabaseName, type FilledDatabase } from './databases.ts';
import {
  ADAPTERS,
  LoadGenerator,
  Server,
  measureInTurns,
  medianOf,
  type AdapterName,
  type Build,
  type LoadSettings,
  type Measurement,
} from './measure.ts';

/** The credentials that each guard takes; null: none. */
const CREDENTIALS = {
  'no-auth': null,
  'jwt-documented': 'jwt',
  'jwt-keyobject': 'jwt',
  'jwt-minimal': 'jwt',
  floor: 'knox',
  'find-one': 'knox',
  'better-auth': 'better-auth',
  knox: 'knox',
  'knox-cookie': 'knox-cookie',
  'knox-roles': 'knox',
  'knox-sessions': 'knox',
  'knox-list': 'knox',
} as const satisfies Record<string, CredentialKind | null>;

/**
 * How many tokens send the requests of `knox-sessions` and `knox-list`, each some times a second. If all did, most requests would be the
 * first of their token in a minute, and cause a write: no token is used so rarely by so many at once.
 */
const TOKENS_IN_USE = 5_000;

export type GuardName = keyof typeof CREDENTIALS;

export const GUARDS = Object.keys(CREDENTIALS) as GuardName[];

/** Those that use the table of sessions. */
const ON_SESSIONS: readonly GuardName[] = ['knox-sessions', 'knox-list'];

export interface Candidate {
  readonly guard: GuardName;
  readonly adapter: AdapterName;
  readonly database: DatabaseName | null;
  /** Default: 'current'. */
  readonly build?: Build;
}

export interface Outcome extends Candidate, Measurement {
  /** One a round. The other figures are their medians. */
  readonly measurements: readonly Measurement[];
}

export interface Plan extends LoadSettings {
  readonly candidates: readonly Candidate[];
  readonly data: Tokens;
}

interface Comparison {
  readonly outcomes: readonly Outcome[];
  /** The versions of the database servers. */
  readonly versions: readonly string[];
}

export const ALL_GUARDS: readonly Candidate[] = ADAPTERS.flatMap((adapter) =>
  (
    [
      ['no-auth', null],
      ['jwt-documented', null],
      ['jwt-keyobject', null],
      ['jwt-minimal', null],
      ['floor', null],
      ['find-one', 'postgres'],
      ['better-auth', 'postgres'],
      ['knox', 'postgres'],
      ['knox', 'mariadb'],
      ['knox', 'sqlite'],
      ['knox-cookie', 'postgres'],
      ['knox-cookie', 'mariadb'],
      ['knox-cookie', 'sqlite'],
      ['knox-roles', 'postgres'],
      ['knox-roles', 'mariadb'],
      ['knox-roles', 'sqlite'],
      ['knox-sessions', 'postgres'],
      ['knox-sessions', 'mariadb'],
      ['knox-sessions', 'sqlite'],
      ['knox-list', 'postgres'],
      ['knox-list', 'mariadb'],
      ['knox-list', 'sqlite'],
    ] as const
  ).map(([guard, database]) => ({ guard, adapter, database })),
);

export const SMOKE_GUARDS: readonly Candidate[] = [
  { guard: 'no-auth', adapter: 'fastify', database: null },
  { guard: 'jwt-minimal', adapter: 'express', database: null },
  { guard: 'floor', adapter: 'fastify', database: null },
  { guard: 'knox', adapter: 'express', database: 'sqlite' },
  { guard: 'knox-cookie', adapter: 'express', database: 'sqlite' },
  { guard: 'knox-roles', adapter: 'fastify', database: 'sqlite' },
  { guard: 'knox-sessions', adapter: 'fastify', database: 'sqlite' },
  { guard: 'knox-list', adapter: 'fastify', database: 'sqlite' },
  { guard: 'knox', adapter: 'fastify', database: 'postgres' },
];

export async function compare(plan: Plan): Promise<Comparison> {
  const databases = await prepare(plan);
  const outcomes = await measure(plan, databases);
  const versions = [...databases.values()].flatMap(
    ({ databaseServer }) => databaseServer?.version ?? [],
  );
  return { outcomes, versions };
}

async function prepare({ candidates, data }: Plan): Promise<Map<DatabaseName, FilledDatabase>> {
  const databases = new Map<DatabaseName, FilledDatabase>();
  for (const { database } of candidates) {
    if (database === null || databases.has(database)) continue;
    databases.set(database, await prepareDatabase(database, data));
  }
  for (const [database, { options }] of databases) {
    const isUsed = candidates.some(
      (one) => ON_SESSIONS.includes(one.guard) && one.database === database,
    );
    if (isUsed) await fillSessions(options);
  }
  if (candidates.some(({ guard }) => guard === 'better-auth')) {
    const { databaseServer } = databases.get('postgres')!;
    await fillBetterAuth(await databaseServer!.create('better_auth'), data);
  }
  return databases;
}

async function measure(
  { candidates, data, ...settings }: Plan,
  databases: ReadonlyMap<DatabaseName, FilledDatabase>,
): Promise<Outcome[]> {
  const generator = await LoadGenerator.start();
  const credentials = credentialsOf(data);
  for (const kind of new Set(candidates.map(({ guard }) => CREDENTIALS[guard] ?? 'knox'))) {
    await generator.prepare({ name: kind, kind, credentials });
  }
  const inUse = credentialsOf(data, Math.min(TOKENS_IN_USE, credentials.length));
  await generator.prepare({ name: 'in use', kind: 'knox', credentials: inUse });
  const entries = [];
  for (const candidate of candidates) {
    const { guard, adapter, build } = candidate;
    const { options, databaseServer } = databases.get(candidate.database!) ?? {};
    const database =
      guard === 'better-auth' ? databaseServer!.options('better_auth') : (options ?? null);
    const server = await Server.start(guard, {
      adapter,
      database,
      databaseServer,
      build,
      tokens: data,
    });
    const kind = CREDENTIALS[guard];
    await server.check(kind, credentials[0], guard === 'knox-list' ? isList : undefined);
    const writesUses = guard === 'knox-sessions' || guard === 'knox-list';
    const requests = writesUses ? 'in use' : (kind ?? 'knox');
    entries.push({ candidate, label: labelOf(candidate), server, requests });
  }
  const results = await measureInTurns(generator, entries, settings);
  await generator.stop();
  return results.map(({ candidate, measurements }) => ({
    ...candidate,
    ...medianOf(measurements),
    measurements,
  }));
}

/** Whether it is the list of ten sessions, the one that asks among them. */
function isList(body: string): boolean {
  const sessions = JSON.parse(body) as { readonly current: boolean }[];
  return sessions.length === 10 && sessions.filter(({ current }) => current).length === 1;
}

function labelOf({ guard, adapter, database, build }: Candidate): string {
  return [guard, adapter, database, build].filter(Boolean).join(', ');
}
