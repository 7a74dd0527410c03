import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { ERRORS } from '../support/errors.ts';
import { login, logout, newToken } from '../support/numbered-users.ts';
import { pollFor, pollUntil } from '../support/polling.ts';
import { Proxy } from '../support/proxy.ts';
import { Apps, setUpDatabase } from './apps.ts';
import { FailoverLoad, type Judgement } from './failover-load.ts';
import { GALERA_LIBRARY, GaleraCluster } from './galera.ts';
import { MARIADB_PROGRAMS } from './mariadb-servers.ts';
import { POSTGRES_PROGRAMS, PostgresServer } from './postgres-servers.ts';
import { describeTopology, destroyDataSource, Teardown } from './private-server.ts';

const AUTH_TIMEOUT_MS = 3_000;

/** More than the load needs at most times, so that some are idle. */
const CONNECTIONS = 8;

/** How long the load runs before the fault, and how long nobody notices the fault, in milliseconds. */
const WARM_UP_MS = 2_000;
const NOTICE_MS = 1_000;

/** How late the replica gets changes, in milliseconds: with synchronous commit, a write waits twice as long. */
const LAG_MS = { asynchronous: 100, synchronous: 10 } as const;

/** So many revocations at least come before the address moves, and as many after. */
const REVOCATIONS = 10;

interface Address {
  readonly host: string;
  readonly port: number;
}

/** A server that applications use, and one that takes over. */
interface Pair {
  readonly first: DataSourceOptions;
  readonly second: DataSourceOptions;
  /** Loses the first server. */
  lose(): Promise<void>;
  /** Lets the second one take over. Gives the keys of the tokens that it has then. */
  promote(): Promise<Set<string>>;
  /** Starts the first one by itself, to see what it had committed. */
  recover(): Promise<void>;
}

async function ask(options: DataSourceOptions, text: string): Promise<Record<string, unknown>[]> {
  const dataSource = await new DataSource({ ...options, logging: false }).initialize();
  try {
    return await dataSource.query(text);
  } finally {
    await dataSource.destroy();
  }
}

const KEYS = 'SELECT token_key FROM knox_auth_token';

const keysOf = (rows: Record<string, unknown>[]): Set<string> =>
  new Set(rows.map((row) => String(row.token_key)));

async function keysAt(options: DataSourceOptions): Promise<Set<string>> {
  return keysOf(await ask(options, KEYS));
}

async function postgresPair(
  teardown: Teardown,
  isSynchronous: boolean,
): Promise<Pair & { loseReplica(): void }> {
  const stop = (server: PostgresServer): Promise<void> => server.stop();
  const primary = teardown.add(await PostgresServer.primary(), stop);
  await (await setUpDatabase(primary.options)).destroy();
  const line = teardown.add(await Proxy.start(primary.options as Address), (it) => it.shutDown());
  const standby = teardown.add(await PostgresServer.standby(primary, {}, line.port), stop);
  line.delay(LAG_MS[isSynchronous ? 'synchronous' : 'asynchronous']);
  if (isSynchronous) {
    await ask(primary.options, `ALTER SYSTEM SET synchronous_standby_names = '*'`);
    await ask(primary.options, 'SELECT pg_reload_conf()');
    const state = async (): Promise<unknown> =>
      (await ask(primary.options, 'SELECT sync_state FROM pg_stat_replication'))[0]?.sync_state;
    await pollUntil<unknown>('sync', state);
  }
  return {
    first: primary.options,
    second: standby.options,
    loseReplica: () => line.shutDown(),
    async lose() {
      line.shutDown();
      await primary.kill();
    },
    async promote() {
      await ask(standby.options, 'SELECT pg_promote()');
      return keysAt(standby.options);
    },
    recover: () => primary.resume(),
  };
}

/** Two nodes of a cluster, of which the second one has the quorum by itself. */
async function galeraPair(teardown: Teardown): Promise<Pair> {
  const { nodes } = teardown.add(await GaleraCluster.start(), (it) => it.stop());
  const [first, second] = nodes;
  await (await setUpDatabase(first.options)).destroy();
  await second.ask(`SET GLOBAL wsrep_provider_options = 'pc.weight=2'`);
  // Sees what the node has, though it does not know yet that the other one is lost.
  const options = { ...second.options, poolSize: 1 } as DataSourceOptions;
  const beside = teardown.add(await new DataSource(options).initialize(), destroyDataSource);
  await beside.query('SET SESSION wsrep_sync_wait = 0');
  return {
    first: first.options,
    second: second.options,
    lose: () => first.kill(),
    promote: async () => keysOf(await beside.query(KEYS)),
    recover: () => first.resume(['--wsrep-on=OFF', '--wsrep-provider=none']),
  };
}

interface Case {
  readonly title: string;
  readonly programs: readonly string[];
  readonly start: (teardown: Teardown) => Promise<Pair>;
  /** How many clients there are. */
  readonly clients: number;
  /** Whether clients of the first server hear nothing of its end. */
  readonly vanishes?: boolean;
  /** Whether acknowledged changes may be lost. */
  readonly isAsynchronous?: boolean;
  /** How long after the address has moved there may be a 503, in milliseconds. */
  readonly boundMs: number;
}

const CASES: readonly Case[] = [
  {
    title: 'PostgreSQL, killed, asynchronous commit',
    programs: POSTGRES_PROGRAMS,
    start: (teardown) => postgresPair(teardown, false),
    clients: 6,
    isAsynchronous: true,
    boundMs: 2_000,
  },
  {
    title: 'PostgreSQL, killed, synchronous commit',
    programs: POSTGRES_PROGRAMS,
    start: (teardown) => postgresPair(teardown, true),
    clients: 6,
    boundMs: 2_000,
  },
  {
    title: 'PostgreSQL, gone without a word, synchronous commit',
    programs: POSTGRES_PROGRAMS,
    start: (teardown) => postgresPair(teardown, true),
    // So few that most connections are idle.
    clients: 3,
    vanishes: true,
    boundMs: 2 * AUTH_TIMEOUT_MS,
  },
  {
    title: 'Galera, node killed',
    programs: [...MARIADB_PROGRAMS, GALERA_LIBRARY, 'rsync'],
    start: galeraPair,
    clients: 6,
    // A node gives another one up after 5 s.
    boundMs: 5_000 + 2 * AUTH_TIMEOUT_MS,
  },
];

for (const { title, programs, start, clients, vanishes, isAsynchronous, boundMs } of CASES) {
  describeTopology(`failover: ${title}`, programs, () => {
    let load: FailoverLoad;
    let judgement: Judgement;
    let movedAt: number;
    const teardown = new Teardown();
    beforeAll(async () => {
      const pair = await start(teardown);
      const { first, second } = pair;
      const address = teardown.add(await Proxy.start(first as Address), (it) => it.shutDown());
      const apps = teardown.add(new Apps(1), (it) => it.stop());
      const database = { ...first, port: address.port } as DataSourceOptions;
      await apps.serve([database], { authTimeout: AUTH_TIMEOUT_MS, connections: CONNECTIONS });
      load = new FailoverLoad(apps.at(0));
      const startedAt = performance.now();
      await load.start(clients, 2 * CONNECTIONS);
      await sleep(WARM_UP_MS);
      await pollFor(
        () => load.revokedSince(startedAt),
        (count) => count > REVOCATIONS,
        60_000,
      );
      const lostAt = performance.now();
      if (vanishes) address.freeze();
      await pair.lose();
      await sleep(NOTICE_MS);
      const takeover = await pair.promote();
      address.pointAt(second as Address);
      if (vanishes) address.forsake();
      movedAt = performance.now();
      await pollFor(
        () => load.goodFor(movedAt),
        (ms) => ms > AUTH_TIMEOUT_MS + 1_000,
        60_000,
      );
      // A slow machine takes longer.
      await pollFor(
        () => load.revokedSince(movedAt),
        (count) => count > REVOCATIONS,
        60_000,
      );
      await load.stop();
      await load.askForAll();
      await pair.recover();
      const lost = await keysAt(first);
      const judge = async (): Promise<Judgement> =>
        load.judge({ lost, takeover, end: await keysAt(second) }, movedAt);
      judgement = await pollFor(
        judge,
        ({ leftByFailedLogins }) => leftByFailedLogins === 0,
        20_000,
      );
      const after = (start: number, end: number): string => ((end - start) / 1_000).toFixed(2);
      process.stderr.write(
        `${title}: seconds from the fault to the new address ${after(lostAt, movedAt)}, ` +
          `from there to the first good answer ${after(movedAt, load.firstGoodAfter(movedAt))}, ` +
          `to the last 503 ${after(movedAt, load.lastUnavailableAt)}; 503s: ` +
          `${String(load.unavailable)}; ${JSON.stringify(judgement)}\n`,
      );
    });
    afterAll(() => teardown.run());

    it('each request is answered, and an error is a 503 with its code', () => {
      expect(load.surprises).toEqual([]);
      expect(load.unavailable).toBeGreaterThan(0);
    });

    it('no token is refused that is alive, none accepted that is gone', () => {
      expect(judgement).toMatchObject({ refusedAlive: 0, acceptedRevoked: 0 });
    });

    it('what was acknowledged is committed by the server that acknowledged it', () => {
      expect(judgement.revokedBefore).toBeGreaterThan(REVOCATIONS);
      expect(judgement.revokedAfter).toBeGreaterThan(REVOCATIONS);
      expect(judgement.notCommitted).toBe(0);
    });

    if (!isAsynchronous) {
      it('nothing is lost that was acknowledged', () => {
        expect(judgement).toMatchObject({ lostRevocations: 0, lostLogins: 0 });
      });
    }

    it('a login that was answered with a 503 leaves no token', () => {
      expect(judgement.leftByFailedLogins).toBe(0);
    });

    it('all answers are good again in time', () => {
      expect(load.lastUnavailableAt - movedAt).toBeLessThan(boundMs);
    });
  });
}

describeTopology('PostgreSQL without its only synchronous replica', POSTGRES_PROGRAMS, () => {
  const teardown = new Teardown();
  afterAll(() => teardown.run());

  it('acknowledges no login and no logout, and answers requests', async () => {
    const pair = await postgresPair(teardown, true);
    const apps = teardown.add(new Apps(1), (it) => it.stop());
    await apps.serve([pair.first], { authTimeout: AUTH_TIMEOUT_MS });
    const [ended, kept] = [await newToken(apps.at(0), 1), await newToken(apps.at(0), 1)];
    pair.loseReplica();
    const answers = await Promise.all([logout(apps.at(0), ended), login(apps.at(0), 1)]);
    for (const { body } of answers) expect(body).toEqual(ERRORS.unavailable);
    expect(await apps.verdicts(kept)).toEqual([200]);
    // The primary has deleted the row: what it cannot do is wait for the replica.
    expect(await apps.verdicts(ended)).toEqual([401]);
  });
});
