import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { describeOnServers } from '../support/describe-on.ts';
import { ERRORS } from '../support/errors.ts';
import { pollFor } from '../support/polling.ts';
import { startFaultyApp, type FaultyApp } from '../support/faulty-app.ts';
import { COMMIT } from '../support/proxy.ts';

/** Ends every connection of the application, as an administrator or a failover would. */
const KILL = {
  postgres: async ({ direct }: FaultyApp) => {
    await direct.query(
      'SELECT pg_terminate_backend(pid) FROM pg_stat_activity ' +
        'WHERE datname = current_database() AND pid <> pg_backend_pid()',
    );
  },
  mariadb: async ({ direct }: FaultyApp) => {
    const connections = await direct.query(
      'SELECT id FROM information_schema.processlist ' +
        'WHERE db = DATABASE() AND id <> CONNECTION_ID()',
    );
    for (const { id } of connections) await direct.query(`KILL ${String(id)}`);
  },
};

/** What a server says last to a client that has connected, and what it adds when it ends the connection at once. */
const ENDED_AT_ONCE = {
  postgres: {
    ending: 'Z\0\0\0\x05I',
    bytes: Buffer.from('E\0\0\0\x20SFATAL\0C57P01\0MTerminated.\0\0', 'latin1'),
  },
  mariadb: {
    ending: '\0\0\0\x02\0\0\0',
    bytes: Buffer.from('\x14\0\0\0\xff\x87\x07#70100Terminated.', 'latin1'),
  },
};

describeOnServers('a connection to %s that is killed', (database) => {
  const kill = KILL[database];
  let test: FaultyApp;
  beforeAll(async () => {
    test = await startFaultyApp({ database, knox: { tokenLimitPerUser: 5, autoRefresh: true } });
  });
  afterAll(() => test.close());
  afterEach(async () => {
    test.proxy.thaw();
    await test.proxy.quiet(50);
    await test.direct.query('DELETE FROM knox_auth_token');
  });

  it.each([
    ['before the insert', /INSERT/],
    ['before the commit', COMMIT],
  ])('in mid-login, %s: a 503, no token, and the next login works', async (_, statement) => {
    const killed = test.proxy.holdAt(statement).then(() => kill(test));
    const [answer] = await Promise.all([test.login(), killed]);
    expect([answer.status, answer.body]).toEqual([503, ERRORS.unavailable]);
    test.proxy.thaw();
    await test.proxy.quiet(50);
    expect(await pollFor(test.rows, (rows) => rows === 0)).toBe(0);
    expect((await test.login()).status).toBe(200);
    expect(await test.rows()).toBe(1);
  });

  it('in mid-lookup: a 503, never a 401, and the next request works', async () => {
    const token = await test.newToken();
    const killed = test.proxy.holdAt(/SELECT/).then(() => kill(test));
    const [answer] = await Promise.all([test.me(token), killed]);
    expect([answer.status, answer.body]).toEqual([503, ERRORS.unavailable]);
    await test.proxy.quiet(50);
    expect((await test.me(token)).status).toBe(200);
  });

  it('in mid-refresh: the request is answered, and the expiry stays', async () => {
    const token = await test.newToken();
    const soon = Date.now() + 60_000;
    await test.direct.query(`UPDATE knox_auth_token SET expiry = ${String(soon)}`);
    const killed = test.proxy.holdAt(/UPDATE/).then(() => kill(test));
    const [answer] = await Promise.all([test.me(token), killed]);
    expect([answer.status, answer.body.expiry]).toEqual([200, new Date(soon).toISOString()]);
    expect(test.log.errors.at(-1)).toMatch(/^A token could not be refreshed: ./);
  });

  it('in mid-logout: a 503, and the token stays', async () => {
    const token = await test.newToken();
    const killed = test.proxy.holdAt(/DELETE/).then(() => kill(test));
    const [answer] = await Promise.all([test.client.post('/auth/logout', { token }), killed]);
    expect([answer.status, answer.body]).toEqual([503, ERRORS.unavailable]);
    await test.proxy.quiet(50);
    expect((await test.me(token)).status).toBe(200);
  });

  it('in the moment in which it is opened: a 503, and the next request works', async () => {
    const token = await test.newToken();
    await kill(test);
    await test.proxy.quiet(50);
    const { ending, bytes } = ENDED_AT_ONCE[database];
    test.proxy.addToReply(ending, bytes);
    expect((await test.me(token)).status).toBe(503);
    expect((await test.me(token)).status).toBe(200);
  });

  it('while it is idle: the next request works', async () => {
    const token = await test.newToken();
    await kill(test);
    await test.proxy.quiet(50);
    expect((await test.me(token)).status).toBe(200);
  });
});
