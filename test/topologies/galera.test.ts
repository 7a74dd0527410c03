import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { AuthToken } from '../../lib/index.ts';
import { ERRORS } from '../support/errors.ts';
import { countByStatus } from '../support/http-client.ts';
import { login, logout, newToken } from '../support/numbered-users.ts';
import { pollFor, pollUntil } from '../support/polling.ts';
import { repeat } from '../support/repeat.ts';
import { Apps, setUpDatabase } from './apps.ts';
import { GALERA_LIBRARY, GaleraCluster } from './galera.ts';
import { MARIADB_PROGRAMS } from './mariadb-servers.ts';
import { describeTopology, destroyDataSource, Teardown } from './private-server.ts';

const LIMIT = 5;

const NEEDS = [...MARIADB_PROGRAMS, GALERA_LIBRARY, 'rsync'];

describeTopology('applications on a Galera cluster with wsrep_sync_wait = 1', NEEDS, () => {
  let cluster: GaleraCluster;
  let direct: DataSource;
  /** A connection to the second node without wsrep_sync_wait, so that it answers even if the node lags. */
  let beside: DataSource;
  /** Two applications on the first node, one on the second. */
  let writers: Apps;
  let reader: Apps;
  const teardown = new Teardown();
  beforeAll(async () => {
    cluster = teardown.add(await GaleraCluster.start(), (it) => it.stop());
    const [first, second] = cluster.nodes;
    direct = teardown.add(await setUpDatabase(first.options), destroyDataSource);
    const other = new DataSource({ ...second.options, poolSize: 1 } as DataSourceOptions);
    beside = teardown.add(await other.initialize(), destroyDataSource);
    await beside.query('SET SESSION wsrep_sync_wait = 0');
    const knox = { tokenLimitPerUser: LIMIT, authTimeout: '3s', pruneInterval: '1s' } as const;
    [writers, reader] = [2, 1].map((count) =>
      teardown.add(new Apps(count), (apps) => apps.stop()),
    ) as [Apps, Apps];
    await writers.serve([first.options, first.options], knox);
    await reader.serve([second.options], knox);
  });
  afterAll(() => teardown.run());

  const rowsOf = (id: number): Promise<number> =>
    direct.getRepository(AuthToken).countBy({ user: { id } });

  it('parallel logins at two applications give as many tokens as the limit', async () => {
    const answers = await repeat(40, (index) => login(writers.at(index), 1));
    expect(countByStatus(answers)).toEqual({ 200: LIMIT, 403: 40 - LIMIT });
    expect(await rowsOf(1)).toBe(LIMIT);
  });

  it('expired tokens are pruned, though applications on both nodes prune', async () => {
    const rows = direct.getRepository(AuthToken);
    const digest = 'a'.repeat(128);
    const dates = { created: new Date(1), expiry: new Date(2) };
    await rows.insert({ digest, tokenKey: 'expired', user: { id: 9 }, ttl: null, ...dates });
    await pollUntil(0, () => rows.countBy({ digest }));
  });

  it('a new token is accepted at once on the other node, and a revoked one refused', async () => {
    for (let turn = 0; turn < 30; turn++) {
      const token = await newToken(writers.at(turn), 2);
      expect(await reader.verdicts(token)).toEqual([200]);
      expect((await logout(writers.at(turn), token)).status).toBe(204);
      expect(await reader.verdicts(token)).toEqual([401]);
    }
  });

  it('a node that lags answers with a 503; without wsrep_sync_wait it would read old rows', async () => {
    const token = await newToken(writers.at(0), 3);
    expect(await reader.verdicts(token)).toEqual([200]);
    await beside.query('FLUSH TABLES WITH READ LOCK');
    expect((await logout(writers.at(0), token)).status).toBe(204);
    const stale = 'SELECT COUNT(*) AS total FROM knox_auth_token WHERE user_id = 3';
    expect((await beside.query(stale))[0].total).toBe('1');
    expect((await reader.at(0).get('/me', { token })).body).toEqual(ERRORS.unavailable);
    await beside.query('UNLOCK TABLES');
    expect(await decided(() => reader.verdicts(token))).toEqual([401]);
  });

  it('logouts of one token on both nodes at once are a 204 or a 401, and it is gone', async () => {
    for (let turn = 0; turn < 10; turn++) {
      const token = await newToken(writers.at(turn), 4);
      const answers = await Promise.all([
        logout(writers.at(turn), token),
        logout(reader.at(0), token),
        logout(writers.at(turn + 1), token),
      ]);
      for (const { status } of answers) expect([204, 401]).toContain(status);
      expect(countByStatus(answers)[204]).toBeGreaterThan(0);
      expect([...(await writers.verdicts(token)), ...(await reader.verdicts(token))]).toEqual([
        401, 401, 401,
      ]);
    }
  });

  it('logins on both nodes at once show no error, and no more than a limit for each node', async () => {
    for (let user = 10; user < 13; user++) {
      const answers = await repeat(40, (index) =>
        login(index % 2 === 0 ? writers.at(index / 2) : reader.at(0), user),
      );
      const { 200: made = 0, 403: refused = 0 } = countByStatus(answers);
      expect(made + refused).toBe(40);
      expect(made).toBeGreaterThanOrEqual(LIMIT);
      expect(made).toBeLessThanOrEqual(2 * LIMIT);
      expect(
        await pollFor(
          () => rowsOf(user),
          (rows) => rows === made,
        ),
      ).toBe(made);
    }
  });

  it('a node that is cut off from the others is a 503, and never a 401', async () => {
    const token = await newToken(writers.at(0), 5);
    expect(await reader.verdicts(token)).toEqual([200]);
    await direct.destroy();
    await cluster.nodes[0].kill();
    // Until the node has given the other one up, its answer may still be correct.
    const hasGivenUp = async (): Promise<boolean> => {
      const [status] = await Promise.all([
        beside.query(`SHOW STATUS LIKE 'wsrep_cluster_status'`),
        reader.verdicts(token).then(([verdict]) => expect([200, 503]).toContain(verdict)),
      ]);
      return status[0].Value === 'non-Primary';
    };
    expect(await pollFor(hasGivenUp, (it) => it, 30_000)).toBe(true);
    const answers = await Promise.all([
      ...[...writers.clients, reader.at(0)].map((client) => client.get('/me', { token })),
      login(reader.at(0), 5),
      logout(reader.at(0), token),
    ]);
    for (const { body } of answers) expect(body).toEqual(ERRORS.unavailable);
    await beside.query(`SET GLOBAL wsrep_provider_options = 'pc.bootstrap=true'`);
    expect(await decided(() => reader.verdicts(token))).toEqual([200]);
    expect((await logout(reader.at(0), token)).status).toBe(204);
    expect(await reader.verdicts(token)).toEqual([401]);
  });
});

/** The first verdicts without a 503. */
function decided(ask: () => Promise<number[]>): Promise<number[]> {
  return pollFor(ask, (verdicts) => !verdicts.includes(503), 20_000);
}
