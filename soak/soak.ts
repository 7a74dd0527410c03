import { setTimeout as sleep } from 'node:timers/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { DataSource } from 'typeorm';
import { AuthToken } from '../lib/index.ts';
import { nameOf } from '../test/support/app-process.ts';
import { Proxy } from '../test/support/proxy.ts';
import { User } from '../test/support/users.ts';
import { Chaos, type Injected } from './chaos.ts';
import {
  losingCommits,
  startDatabase,
  type DatabaseName,
  type Fault,
  type SoakDatabase,
} from './databases.ts';
import { FaultWindows } from './fault-windows.ts';
import { Fleet, PASSWORD } from './app-processes.ts';
import { fuzzAll } from './fuzzing.ts';
import { Load } from './workload.ts';
import { loginRounds } from './limit-rounds.ts';
import { Oracle } from './oracle.ts';
import { Random } from '../test/support/random.ts';
import { Standstills } from './stalls.ts';
import { TableWatch } from './table-monitor.ts';
import { Traffic, sumOf, type RequestKind } from './request-sender.ts';
import { FUZZ_USER } from './users.ts';

/** What is soaked: two processes, and options that make things happen often. */
export const PROCESSES = 2;
export const AUTH_TIMEOUT_MS = 3_000;
export const TOKEN_LIMIT = 5;
const TOKEN_TTL_MS = 8_000;
const MIN_REFRESH_INTERVAL_MS = 300;

/** After it, no COMMIT of a login that was answered 503 can come any more. */
const LATE_COMMIT_MS = 2 * AUTH_TIMEOUT_MS + 1_000;

/** At most so many of all revocations are asked for once more after a fault, and at the end. */
const SAMPLE = { recovery: 300, end: 3_000 };

export interface SoakTerms {
  readonly database: DatabaseName;
  readonly seconds: number;
  readonly chaosSeconds: number;
  readonly seed: number;
  /** Of parallel logins at the limit, once the load is over. */
  readonly rounds: number;
  /** Hostile requests to each process, once the load is over. */
  readonly fuzz: number;
}

/** All figures of a soak of one database. */
export interface Figures {
  readonly revocations: number;
  readonly acceptedAfterRevocation: number;
  readonly refusedThoughValid: number;
  readonly overLimit: number;
  readonly serverErrors: ReadonlyMap<string, number>;
  readonly longestAnswerMs: number;
  readonly longestAnswer: string;
  readonly slowestRecoveryMs: number;
  readonly requests: number;
  readonly durability: string;
  readonly counts: Readonly<Record<RequestKind, number>>;
  readonly confirmations: number;
  /** What was accepted or refused wrongly, one by one. */
  readonly findings: readonly string[];
  readonly acceptedAfterExpiry: number;
  readonly acceptedAfterRefusal: number;
  readonly unknownAccepted: number;
  readonly leftByRefusedLogins: number;
  readonly unexpected: ReadonlyMap<string, number>;
  readonly rounds: number;
  readonly roundFailures: readonly string[];
  readonly fuzzed: number;
  readonly fuzzFailures: readonly string[];
  readonly excusedErrors: number;
  /** When the machine, not the database, was the fault. */
  readonly standstillsMs: readonly number[];
  readonly standstillErrors: number;
  readonly tableLooks: number;
  readonly faults: readonly Injected[];
  /** Of each process. */
  readonly heapGrowthBytes: readonly number[];
  readonly unhandledRejections: number;
  /** The longest that an event loop was held up: of a process, and of the soak itself. */
  readonly longestLagMs: { readonly processes: number; readonly soak: number };
}

/** Soaks one database. */
export async function soak(terms: SoakTerms): Promise<Figures> {
  const database = await startDatabase(terms.database);
  try {
    return await soakOn(database, terms);
  } finally {
    await database.close();
  }
}

async function soakOn(database: SoakDatabase, terms: SoakTerms): Promise<Figures> {
  const dataSource = await prepare(database);
  const { host, port } = database.options as { host?: string; port?: number };
  // One process's way to the server can be broken at a chosen statement.
  const proxy = host && port ? await Proxy.start({ host, port }) : undefined;
  const ways = [{ ...database.options, ...(proxy && { port: proxy.port }) }, database.options];
  const fleet = await Fleet.start(ways, {
    authTimeout: AUTH_TIMEOUT_MS,
    autoRefresh: true,
    minRefreshInterval: MIN_REFRESH_INTERVAL_MS,
    tokenTtl: TOKEN_TTL_MS,
    tokenLimitPerUser: TOKEN_LIMIT,
  });
  try {
    return await run(
      { ...database, faults: faultsOf(database, fleet, proxy) },
      dataSource,
      fleet,
      terms,
    );
  } finally {
    await fleet.close();
    proxy?.shutDown();
    await dataSource.destroy();
  }
}

/** SQLite has no server: what is killed there is a process that has it in itself. */
function faultsOf(database: SoakDatabase, fleet: Fleet, proxy: Proxy | undefined): Fault[] {
  const [first, ...more] = database.faults as [Fault, ...Fault[]];
  return [first, proxy ? losingCommits(proxy) : fleet.killing(), ...more];
}

/** The tables, the users, and a connection to look on by. */
async function prepare(database: SoakDatabase): Promise<DataSource> {
  const dataSource = await new DataSource({
    ...database.options,
    entities: [User, AuthToken],
    synchronize: true,
  }).initialize();
  await dataSource.getRepository(User).insert(
    Array.from({ length: FUZZ_USER }, (_, index) => ({
      id: index + 1,
      username: nameOf(index + 1),
      password: PASSWORD,
      isActive: true,
    })),
  );
  return dataSource;
}

async function run(
  database: SoakDatabase,
  dataSource: DataSource,
  fleet: Fleet,
  { seconds, chaosSeconds, seed, rounds, fuzz }: SoakTerms,
): Promise<Figures> {
  const lag = monitorEventLoopDelay({ resolution: 10 });
  lag.enable();
  const random = new Random(seed);
  const windows = new FaultWindows();
  const oracle = new Oracle();
  const standstills = new Standstills();
  const traffic = new Traffic(fleet, windows, standstills);
  const load = new Load(traffic, oracle, random, PROCESSES, TOKEN_TTL_MS);
  const table = new TableWatch(dataSource, oracle, windows, load.unanswered, TOKEN_LIMIT);
  const sample = (size: number) =>
    oracle.revoked.length <= size
      ? oracle.revoked
      : Array.from({ length: size }, () => random.pick(oracle.revoked));
  const chaos = new Chaos(database.faults, windows, PROCESSES, {
    before: (isOver) => load.surge(isOver),
    leadMs: () => 500 + random.below(500),
    after: async () => {
      await load.endSurge();
      await load.doubt(sample(SAMPLE.recovery));
      // Of a process that was started again, too.
      await fleet.noteHeaps();
    },
  });

  const loading = load.run();
  const chaosEnds = chaos.run(chaosSeconds * 1_000, () => 2_000 + random.below(4_000));
  const watching = table.run();
  const warm = sleep(Math.min(seconds / 4, 30) * 1_000).then(() => fleet.noteHeaps());
  const whole = Promise.all([loading, chaosEnds, watching]);
  // Whatever fails meanwhile ends the soak at once.
  await Promise.race([sleep(seconds * 1_000), whole]);
  chaos.stop();
  await chaosEnds;
  load.stop();
  table.stop();
  await Promise.all([loading, watching, warm]);
  windows.giveUp();

  await table.settle(LATE_COMMIT_MS);
  await load.doubtRest();
  await load.doubt(sample(SAMPLE.end));
  await load.doubtRest();
  const fuzzFailures = await fuzzAll(fleet, seed, fuzz);
  const roundFailures = await loginRounds(database.options, dataSource, rounds);
  standstills.stop();
  const stats = await fleet.stats();
  return {
    revocations: oracle.revoked.length,
    acceptedAfterRevocation: oracle.acceptedAfterRevocation.size,
    refusedThoughValid: oracle.refusedThoughValid.size,
    overLimit: table.overLimit,
    serverErrors: traffic.serverErrors,
    longestAnswerMs: traffic.longestAnswer.ms,
    longestAnswer: traffic.longestAnswer.what,
    slowestRecoveryMs: Math.max(0, ...windows.recoveriesMs),
    requests: traffic.total,
    durability: database.durability,
    counts: traffic.counts,
    confirmations: load.confirmations,
    findings: oracle.findings,
    acceptedAfterExpiry: oracle.acceptedAfterExpiry.size,
    acceptedAfterRefusal: oracle.acceptedAfterRefusal.size,
    unknownAccepted: load.unknownAccepted,
    leftByRefusedLogins: table.left.size,
    unexpected: traffic.unexpected,
    rounds,
    roundFailures,
    fuzzed: fuzz * PROCESSES,
    fuzzFailures,
    excusedErrors: traffic.excusedErrors,
    standstillsMs: standstills.lengthsMs,
    standstillErrors: traffic.standstillErrors,
    tableLooks: table.looks,
    faults: chaos.injected,
    heapGrowthBytes: stats.map(({ growthBytes }) => growthBytes),
    unhandledRejections: stats.reduce((sum, { unhandledRejections: n }) => sum + n, 0),
    longestLagMs: {
      processes: Math.ceil(Math.max(...stats.map(({ longestLagMs }) => longestLagMs))),
      soak: Math.ceil(lag.max / 1e6),
    },
  };
}

export const serverErrorsOf = (figures: Figures): number => sumOf(figures.serverErrors);
