import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { createDatabase } from '../support/databases.ts';
import { countByStatus } from '../support/http-client.ts';
import { login, logout, newToken } from '../support/numbered-users.ts';
import { pollFor } from '../support/polling.ts';
import { Proxy } from '../support/proxy.ts';
import { repeat } from '../support/repeat.ts';
import { Apps, setUpDatabase, USERS } from './apps.ts';
import { PgBouncer } from './pgbouncer.ts';
import { describeTopology, destroyDataSource, Teardown } from './private-server.ts';

const LIMIT = 5;

/** Connections of PgBouncer to the server, and of each application to PgBouncer. */
const SERVER_CONNECTIONS = 3;
const CLIENT_CONNECTIONS = 10;

const BACKENDS = `FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`;

describeTopology('two applications behind PgBouncer', ['postgres server', 'pgbouncer'], () => {
  let direct: DataSource;
  let proxy: Proxy;
  let apps: Apps;
  let pooled: DataSourceOptions;
  const teardown = new Teardown();
  beforeAll(async () => {
    apps = teardown.add(new Apps(2), (it) => it.stop());
    const database = teardown.add(await createDatabase('postgres'), (it) => it.drop());
    direct = teardown.add(await setUpDatabase(database.options), destroyDataSource);
    const bouncer = teardown.add(await PgBouncer.start(SERVER_CONNECTIONS), (it) => it.stop());
    proxy = teardown.add(await Proxy.start(bouncer), (it) => it.shutDown());
    const { host } = bouncer;
    pooled = { ...database.options, host, port: proxy.port } as DataSourceOptions;
    const options = { ...pooled, poolSize: CLIENT_CONNECTIONS } as DataSourceOptions;
    const knox = { tokenLimitPerUser: LIMIT, autoRefresh: true };
    await apps.serve([options, options], knox);
  });
  afterAll(() => teardown.run());
  afterEach(() => direct.query('DELETE FROM knox_auth_token'));

  const backends = async (): Promise<number> =>
    Number((await direct.query(`SELECT COUNT(*) AS total ${BACKENDS}`))[0].total);

  describe.each(['read committed', 'repeatable read'])('where %s is the default', (level) => {
    beforeAll(async () => {
      const [{ name }] = await direct.query('SELECT current_database() AS name');
      await direct.query(`ALTER DATABASE ${name} SET default_transaction_isolation = '${level}'`);
      // Wait until PgBouncer has closed its idle connections, which keep the old default. If they were killed, it might still hand one out.
      expect(await pollFor(backends, (count) => count === 0, 10_000)).toBe(0);
    });

    it.each([1, 2, 3])('parallel logins give as many tokens as the limit, round %i', async () => {
      const answers = await repeat(40, (index) => login(apps.at(index), 1));
      expect(countByStatus(answers)).toEqual({ 200: LIMIT, 403: 40 - LIMIT });
      const [{ total }] = await direct.query('SELECT COUNT(*) AS total FROM knox_auth_token');
      expect(Number(total)).toBe(LIMIT);
    });
  });

  it('logins, lookups and logouts of many users share few connections to the server', async () => {
    let most = 0;
    const traffic = { flows: true };
    const watch = (async () => {
      while (traffic.flows) most = Math.max(most, await backends());
    })();
    const rounds = await repeat(2 * USERS, async (index) => {
      const client = apps.at(index);
      const token = await newToken(client, 1 + (index % USERS));
      const lookups = await repeat(5, (turn) => apps.at(turn).get('/me', { token }));
      return [
        ...lookups,
        await logout(client, token),
        await apps.at(index + 1).get('/me', { token }),
      ];
    });
    traffic.flows = false;
    await watch;
    expect(countByStatus(rounds.flat())).toEqual({
      200: 5 * rounds.length,
      204: rounds.length,
      401: rounds.length,
    });
    expect(most).toBeLessThanOrEqual(SERVER_CONNECTIONS);
    expect(proxy.connections).toBeGreaterThan(SERVER_CONNECTIONS);
  });

  it('a refresh is written once, however many ask at the same time', async () => {
    const token = await newToken(apps.at(0), 1);
    const soon = Date.now() + 60_000;
    await direct.query(`UPDATE knox_auth_token SET expiry = ${String(soon)}`);
    const answers = await repeat(40, (index) => apps.at(index).get('/me', { token }));
    expect(countByStatus(answers)).toEqual({ 200: 40 });
    const events = await Promise.all(apps.clients.map((client) => client.get('/events')));
    const refreshed = events
      .flatMap(({ body }) => body as unknown as { name: string }[])
      .filter(({ name }) => name === 'knox.token.refreshed');
    expect(refreshed).toHaveLength(1);
    const [{ expiry }] = await direct.query('SELECT expiry FROM knox_auth_token');
    expect(Number(expiry)).toBeGreaterThan(soon);
  });

  it('a logoutall holds at both applications, and other users stay logged in', async () => {
    const tokens = await repeat(LIMIT, (index) => newToken(apps.at(index), 1));
    const other = await newToken(apps.at(0), 2);
    const answer = await apps.at(0).post('/auth/logoutall', { token: tokens[0]! });
    expect(answer.status).toBe(204);
    for (const token of tokens) expect(await apps.verdicts(token)).toEqual([401, 401]);
    expect(await apps.verdicts(other)).toEqual([200, 200]);
  });

  it('two applications that prune at once delete each expired token once', async () => {
    await repeat(LIMIT, (index) => newToken(apps.at(index), 1));
    // Wait for the clean-up after the logins, which deletes rows too.
    await proxy.quiet(200);
    await direct.query('UPDATE knox_auth_token SET expiry = 1');
    const live = await newToken(apps.at(0), 2);
    const pruned = await repeat(4, (index) => apps.at(index).post('/prune'));
    const total = pruned.reduce((sum, { body }) => sum + (body.count as number), 0);
    expect([total, countByStatus(pruned)]).toEqual([LIMIT, { 200: 4 }]);
    expect(await apps.verdicts(live)).toEqual([200, 200]);
  });

  it('leaves no setting, lock or prepared statement on a connection for the next client', async () => {
    await repeat(3 * LIMIT, (index) => login(apps.at(index), 1));
    await repeat(USERS, (index) => login(apps.at(index), 1 + index));
    await repeat(4, (index) => apps.at(index).post('/prune'));
    const inspector = await new DataSource({
      ...pooled,
      poolSize: SERVER_CONNECTIONS,
    } as DataSourceOptions).initialize();
    const unpooled = await new DataSource(direct.options).initialize();
    try {
      const [untouched] = await unpooled.query(
        "SELECT current_setting('default_transaction_isolation') AS isolation",
      );
      // Begin as many transactions at once as there are connections, to get each connection once.
      const runners = await repeat(SERVER_CONNECTIONS, async () => {
        const runner = inspector.createQueryRunner();
        await runner.startTransaction();
        return runner;
      });
      const found = await Promise.all(
        runners.map(async (runner) => {
          const [row] = await runner.query(
            `SELECT pg_backend_pid() AS pid, current_setting('statement_timeout') AS timeout,
              current_setting('idle_in_transaction_session_timeout') AS idle_timeout,
              current_setting('default_transaction_isolation') AS isolation,
              (SELECT COUNT(*)::int FROM pg_prepared_statements) AS prepared,
              (SELECT COUNT(*)::int FROM pg_locks
                WHERE locktype = 'advisory' AND pid = pg_backend_pid()) AS advisory`,
          );
          await runner.rollbackTransaction();
          await runner.release();
          return row;
        }),
      );
      expect(new Set(found.map(({ pid }) => pid)).size).toBe(SERVER_CONNECTIONS);
      for (const row of found) {
        expect(row).toMatchObject({
          timeout: '0',
          idle_timeout: '0',
          isolation: untouched.isolation,
          prepared: 0,
          advisory: 0,
        });
      }
    } finally {
      await unpooled.destroy();
      await inspector.destroy();
    }
  });
});
