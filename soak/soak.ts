import { setTimeout as sleep } from 'node:timers/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { DataSource } from 'typeorm';
import { SessionToken } from '../lib/index.ts';
import { nameOf } from '../test/support/app-process.ts';
import { Proxy } from '../test/support/proxy.ts';
import { User } from '../test/support/users.ts';
import { Chaos, type FaultRecord } from './chaos.ts';
import {
  dropCommitAnswers,
  startDatabase,
  type DatabaseName,
  type Fault,
  type SoakDatabase,
} from './databases.ts';
import { EvictingToken } from './evicting-token.ts';
import { FaultWindows } from './fault-windows.ts';
import { AppProcesses, PASSWORD } from './app-processes.ts';
import { fuzzProcesses } from './fuzzing.ts';
import { LiveConnections } from './live-connections.ts';
import { FAIL_AFTER_MS } from './live.gateway.ts';
import { Workload } from './workload.ts';
import { limitRounds } from './limit-rounds.ts';
import { Oracle } from './oracle.ts';
import { Random } from '../test/support/random.ts';
import { Stalls } from './stalls.ts';
import { TableMonitor } from './table-monitor.ts';
import { RequestSender, sumOf, type RequestKind } from './request-sender.ts';
import { FUZZ_USER } from './users.ts';

/** Two application processes, with options that make expiry, refresh, last uses and the limit happen often. */
export const PROCESSES = 2;
export const AUTH_TIMEOUT_MS = 3_000;
export const TOKEN_LIMIT = 5;
const TOKEN_TTL_MS = 8_000;
const MIN_REFRESH_INTERVAL_MS = 300;
const LAST_USED_INTERVAL_MS = 1_000;

/** How long a connection may outlive its token in a fault, in milliseconds. */
export const NOTICED_IN_FAULTS_MS = FAIL_AFTER_MS + AUTH_TIMEOUT_MS;

/** In this time, each token that is watched is asked for at least once, in milliseconds. */
const ROUND_MS = 3_000;

/** After this time, the COMMIT of a login that was answered 503 can no longer arrive. */
const LATE_COMMIT_MS = 2 * AUTH_TIMEOUT_MS + 1_000;

/** How many revoked tokens are checked again after each fault and at the end, at most. */
const SAMPLE = { recovery: 300, end: 3_000 };

interface SoakOptions {
  readonly database: DatabaseName;
  readonly seconds: number;
  readonly chaosSeconds: number;
  readonly seed: number;
  /** Rounds of parallel logins at the limit, after the workload. */
  readonly rounds: number;
  /** Hostile requests to each process, after the workload. */
  readonly fuzz: number;
}

/** All figures of a soak of one database. */
export interface Figures {
  readonly revocations: number;
  readonly acceptedAfterRevocation: number;
  readonly acceptedAfterReauthentication: number;
  readonly acceptedAfterEviction: number;
  readonly refusedThoughValid: number;
  readonly evictedThoughValid: number;
  readonly overLimit: number;
  readonly serverErrors: ReadonlyMap<string, number>;
  readonly longestAnswerMs: number;
  readonly longestAnswer: string;
  readonly slowestRecoveryMs: number;
  readonly requests: number;
  readonly durability: string;
  readonly counts: Readonly<Record<RequestKind, number>>;
  readonly confirmations: number;
  /** Each wrong acceptance or refusal, in words. */
  readonly findings: readonly string[];
  readonly acceptedAfterExpiry: number;
  readonly acceptedAfterRefusal: number;
  readonly unknownAccepted: number;
  readonly endedTwice: number;
  readonly doubledSessions: number;
  readonly listedWrongly: number;
  /** Sessions whose last use was seen in the table. */
  readonly usesWritten: number;
  readonly usesMovedBack: number;
  readonly liveOpened: number;
  /** How many live connections were closed, by the reason that the client was told. */
  readonly liveClosings: Readonly<Record<string, number>>;
  readonly openAfterRevocation: number;
  readonly closedThoughValid: number;
  readonly longestToCloseMs: LiveConnections['longestMs'];
  /** Statements that read when no connection was open any more, and no request under way. */
  readonly readsAfterClose: number;
  readonly leftByRefusedLogins: number;
  readonly unexpected: ReadonlyMap<string, number>;
  readonly rounds: number;
  readonly roundFailures: readonly string[];
  readonly fuzzed: number;
  readonly fuzzFailures: readonly string[];
  readonly excusedErrors: number;
  /** How long the soak itself stalled, each time. */
  readonly stallsMs: readonly number[];
  readonly stallErrors: number;
  readonly tableLooks: number;
  readonly faults: readonly FaultRecord[];
  /** Of each process. */
  readonly heapGrowthBytes: readonly number[];
  readonly unhandledRejections: number;
  /** The longest delay of an event loop: of an application process, and of the soak itself. */
  readonly longestLagMs: { readonly processes: number; readonly soak: number };
}

/** Soaks one database. */
export async function runSoak(options: SoakOptions): Promise<Figures> {
  const database = await startDatabase(options.database);
  try {
    return await soakDatabase(database, options);
  } finally {
    await database.close();
  }
}

async function soakDatabase(database: SoakDatabase, options: SoakOptions): Promise<Figures> {
  const dataSource = await prepare(database);
  const { host, port } = database.options as { host?: string; port?: number };
  // The first process connects through a proxy, which can drop the answer to a chosen statement.
  const proxy = host && port ? await Proxy.start({ host, port }) : undefined;
  const databases = [{ ...database.options, ...(proxy && { port: proxy.port }) }, database.options];
  const apps = await AppProcesses.start(databases, {
    authTimeout: AUTH_TIMEOUT_MS,
    autoRefresh: true,
    minRefreshInterval: MIN_REFRESH_INTERVAL_MS,
    lastUsedInterval: LAST_USED_INTERVAL_MS,
    tokenTtl: TOKEN_TTL_MS,
    tokenLimitPerUser: TOKEN_LIMIT,
  });
  try {
    return await run(
      { ...database, faults: faultsOf(database, apps, proxy) },
      dataSource,
      apps,
      options,
    );
  } finally {
    await apps.close();
    proxy?.shutDown();
    await dataSource.destroy();
  }
}

/** SQLite has no server and no connection to drop, so kill application processes instead. */
function faultsOf(database: SoakDatabase, apps: AppProcesses, proxy: Proxy | undefined): Fault[] {
  const [first, ...more] = database.faults as [Fault, ...Fault[]];
  return [first, proxy ? dropCommitAnswers(proxy) : apps.killing(), ...more];
}

/** Makes the tables and the users. Returns a connection for the table monitor. */
async function prepare(database: SoakDatabase): Promise<DataSource> {
  const dataSource = await new DataSource({
    ...database.options,
    entities: [User, SessionToken, EvictingToken],
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
  apps: AppProcesses,
  { seconds, chaosSeconds, seed, rounds, fuzz }: SoakOptions,
): Promise<Figures> {
  const lag = monitorEventLoopDelay({ resolution: 10 });
  lag.enable();
  const random = new Random(seed);
  const windows = new FaultWindows();
  const oracle = new Oracle();
  const stalls = new Stalls();
  const sender = new RequestSender(apps, windows, stalls);
  const workload = new Workload(sender, oracle, random, PROCESSES, {
    tokenTtlMs: TOKEN_TTL_MS,
    tokenLimit: TOKEN_LIMIT,
  });
  const live = new LiveConnections(sender, oracle, windows, stalls, random, {
    processes: PROCESSES,
    noticedInFaultsMs: NOTICED_IN_FAULTS_MS,
  });
  const table = new TableMonitor(dataSource, oracle, windows, workload.unanswered, TOKEN_LIMIT);
  const sample = (size: number) =>
    oracle.revoked.length <= size
      ? oracle.revoked
      : Array.from({ length: size }, () => random.pick(oracle.revoked));
  const chaos = new Chaos(database.faults, windows, PROCESSES, {
    before: (isOver) => workload.burst(isOver),
    leadMs: () => 500 + random.below(500),
    after: async () => {
      await workload.endBurst();
      await workload.recheck(sample(SAMPLE.recovery));
      // A process that has been restarted has no figure yet.
      await apps.noteHeaps();
    },
  });

  const loading = workload.run();
  const chaosEnds = chaos.run(chaosSeconds * 1_000, () => 2_000 + random.below(4_000));
  const watching = table.run();
  const living = live.run();
  const warm = sleep(Math.min(seconds / 4, 30) * 1_000).then(() => apps.noteHeaps());
  const whole = Promise.all([loading, chaosEnds, watching, living]);
  // If one of them fails, the soak fails at once.
  await Promise.race([sleep(seconds * 1_000), whole]);
  chaos.stop();
  await chaosEnds;
  workload.stop();
  table.stop();
  await Promise.all([loading, watching, warm]);
  live.stop();
  await living;
  // Before `failAfter`, which would end what is left.
  const readsAfterClose = await readsWithin(apps, ROUND_MS);
  windows.giveUp();

  await table.settle(LATE_COMMIT_MS);
  await workload.recheckPending();
  await workload.recheck(sample(SAMPLE.end));
  await workload.recheckPending();
  sender.close();
  const fuzzFailures = await fuzzProcesses(apps, seed, fuzz);
  const roundFailures = await limitRounds(database.options, dataSource, rounds);
  stalls.stop();
  const stats = await apps.stats();
  return {
    revocations: oracle.revoked.length,
    acceptedAfterRevocation: oracle.acceptedAfter.revocation.size,
    acceptedAfterReauthentication: oracle.acceptedAfter.reauthentication.size,
    acceptedAfterEviction: oracle.acceptedAfter.eviction.size,
    refusedThoughValid: oracle.refusedThoughValid.size,
    evictedThoughValid: oracle.evictedThoughValid.size,
    overLimit: table.overLimit,
    serverErrors: sender.serverErrors,
    longestAnswerMs: sender.longestAnswer.ms,
    longestAnswer: sender.longestAnswer.what,
    slowestRecoveryMs: Math.max(0, ...windows.recoveriesMs),
    requests: sender.total,
    durability: database.durability,
    counts: sender.counts,
    confirmations: workload.confirmations,
    findings: [...oracle.findings, ...live.findings],
    acceptedAfterExpiry: oracle.acceptedAfterExpiry.size,
    acceptedAfterRefusal: oracle.acceptedAfterRefusal.size,
    unknownAccepted: workload.unknownAccepted,
    endedTwice: oracle.endedTwice.size,
    doubledSessions: table.doubled.size,
    listedWrongly: oracle.listedWrongly.size,
    usesWritten: table.usesWritten,
    usesMovedBack: table.movedBack.size,
    liveOpened: live.opened,
    liveClosings: live.closings,
    openAfterRevocation: live.openAfterRevocation,
    closedThoughValid: live.closedThoughValid,
    longestToCloseMs: live.longestMs,
    readsAfterClose,
    leftByRefusedLogins: table.left.size,
    unexpected: sender.unexpected,
    rounds,
    roundFailures,
    fuzzed: fuzz * PROCESSES,
    fuzzFailures,
    excusedErrors: sender.excusedErrors,
    stallsMs: stalls.lengthsMs,
    stallErrors: sender.stallErrors,
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

/** How many statements of the processes read in this time. */
async function readsWithin(apps: AppProcesses, ms: number): Promise<number> {
  const count = async (): Promise<number> =>
    (await apps.stats()).reduce((sum, { reads }) => sum + reads, 0);
  // The servers may not have seen yet that the connections are closed.
  await sleep(500);
  const before = await count();
  await sleep(ms);
  return (await count()) - before;
}

export const serverErrorsOf = (figures: Figures): number => sumOf(figures.serverErrors);
