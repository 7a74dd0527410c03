import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { describeOnServers } from '../support/describe-on.ts';
import { ERRORS } from '../support/errors.ts';
import { pollFor } from '../support/polling.ts';
import { startFaultyApp, type FaultyApp } from '../support/faulty-app.ts';

/**
 * Makes the database read-only, or writable again. On MariaDB only the whole server can be, so each write fails with
 * the error of a server that is.
 */
const SET_READ_ONLY = {
  postgres: async ({ direct, dataSource }: FaultyApp, readOnly: boolean) => {
    const name = String(dataSource.options.database);
    const setting = `default_transaction_read_only = ${readOnly ? 'on' : 'off'}`;
    await direct.query(`ALTER DATABASE ${name} SET ${setting}`);
  },
  mariadb: async ({ direct }: FaultyApp, readOnly: boolean) => {
    for (const event of ['INSERT', 'UPDATE', 'DELETE']) {
      await direct.query(
        readOnly
          ? `CREATE TRIGGER read_only_${event} BEFORE ${event} ON knox_auth_token FOR EACH ROW
              SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1290, MESSAGE_TEXT = 'The server is read-only.'`
          : `DROP TRIGGER IF EXISTS read_only_${event}`,
      );
    }
  },
};

/** Makes every INSERT of a token fail with the server's error code for a full disk. */
const FILL = {
  postgres: {
    'at the insert': [
      `CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE 'No space left on device.' USING ERRCODE = 'disk_full'; END $$`,
      `CREATE TRIGGER full_disk BEFORE INSERT ON knox_auth_token
        FOR EACH ROW EXECUTE FUNCTION full_disk()`,
    ],
    'at the commit': [
      `CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN RAISE 'No space left on device.' USING ERRCODE = 'disk_full'; END $$`,
      `CREATE CONSTRAINT TRIGGER full_disk AFTER INSERT ON knox_auth_token
        DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION full_disk()`,
    ],
  },
  mariadb: {
    'at the insert': [
      `CREATE TRIGGER full_disk BEFORE INSERT ON knox_auth_token FOR EACH ROW
        SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = 1114, MESSAGE_TEXT = 'The table is full.'`,
    ],
  },
};
const EMPTY = {
  postgres: ['DROP FUNCTION full_disk CASCADE'],
  mariadb: ['DROP TRIGGER full_disk'],
};

describeOnServers('where %s takes no writes', (database) => {
  const server = database;
  let test: FaultyApp;
  let token: string;
  beforeAll(async () => {
    // A server that refuses a write does so at once, so no request waits.
    const knox = { tokenLimitPerUser: 10, autoRefresh: true, authTimeout: '5s' } as const;
    test = await startFaultyApp({ database, knox });
  });
  afterAll(() => test.close());
  beforeEach(async () => {
    token = await test.newToken();
    test.log.lines.length = 0;
  });
  afterEach(async () => {
    await test.direct.query('DELETE FROM knox_auth_token');
  });

  const expireAt = (instant: number) =>
    test.direct.query(`UPDATE knox_auth_token SET expiry = ${String(instant)}`);
  const unavailable = async (sending: ReturnType<FaultyApp['login']>) => {
    const { status, body } = await sending;
    expect([status, body]).toEqual([503, ERRORS.unavailable]);
  };

  describe('since it is read-only', () => {
    const setReadOnly = async (readOnly: boolean) => {
      await SET_READ_ONLY[server](test, readOnly);
      // Defaults reach new connections.
      test.proxy.drop();
      await test.proxy.quiet(50);
    };
    afterEach(() => setReadOnly(false));

    it('tokens are accepted, but not created or revoked', async () => {
      await setReadOnly(true);
      await unavailable(test.login());
      await unavailable(test.client.post('/auth/logout', { token }));
      await unavailable(test.client.post('/auth/logoutall', { token }));
      expect((await test.me(token)).status).toBe(200);
      expect(await test.rows()).toBe(1);

      await setReadOnly(false);
      expect((await test.login()).status).toBe(200);
      expect((await test.client.post('/auth/logout', { token })).status).toBe(204);
      expect((await test.me(token)).body).toEqual(ERRORS.invalidToken);
      expect(await test.rows()).toBe(1);
    });

    it('a refresh that is due is let be, and the request is answered', async () => {
      const soon = Date.now() + 60_000;
      await expireAt(soon);
      await setReadOnly(true);
      const { status, body } = await test.me(token);
      expect([status, body.expiry]).toEqual([200, new Date(soon).toISOString()]);
      expect(test.log.errors).toEqual([
        expect.stringMatching(/^A token could not be refreshed: .*read.only/i),
      ]);
    });

    it('an expired token is refused, though it cannot be deleted', async () => {
      await expireAt(Date.now() - 1);
      await setReadOnly(true);
      expect((await test.me(token)).body).toEqual(ERRORS.invalidToken);
      expect(test.log.errors).toEqual([
        expect.stringMatching(/^Expired tokens could not be deleted: .*read.only/i),
      ]);
    });
  });

  describe.each(Object.entries(FILL[server]))('since its disk is full %s', (_, statements) => {
    beforeEach(async () => {
      for (const sql of statements) await test.direct.query(sql);
    });

    it('a login is a 503 without a token, all else works, and so do logins afterwards', async () => {
      await unavailable(test.login());
      expect((await test.me(token)).status).toBe(200);
      expect((await test.client.post('/auth/logout', { token })).status).toBe(204);
      expect((await test.me(token)).body).toEqual(ERRORS.invalidToken);
      expect(await pollFor(test.rows, (rows) => rows === 0)).toBe(0);

      for (const sql of EMPTY[server]) await test.direct.query(sql);
      expect((await test.login()).status).toBe(200);
      expect(await test.rows()).toBe(1);
    });
  });
});
