import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { startApp, type TestApp } from '../support/app.ts';
import { DATABASES } from '../support/databases.ts';
import { ERRORS } from '../support/errors.ts';
import { LogRecorder } from '../support/log-recorder.ts';

describe.each(DATABASES)('on %s', (database) => {
  let test: TestApp;
  let log: LogRecorder;
  beforeAll(async () => {
    log = new LogRecorder();
    const knox = { autoRefresh: true, minRefreshInterval: 0 };
    test = await startApp({ database, knox });
    test.app.useLogger(log);
  });
  afterAll(() => test.close());

  it('a table that is gone gives 503, not 401, until it is there again', async () => {
    const token = await test.login();
    await test.dataSource.query('ALTER TABLE knox_auth_token RENAME TO elsewhere');
    const answers = [
      await test.client.get('/me', { token }),
      await test.client.post('/auth/logout', { token }),
      await test.client.post('/auth/logoutall', { token }),
      await test.client.post('/auth/login', { basic: ['john.doe', 'hunter2'] }),
    ];
    for (const { status, body } of answers) {
      expect([status, body]).toEqual([503, ERRORS.unavailable]);
    }
    expect(log.text).not.toContain(token);
    await test.dataSource.query('ALTER TABLE elsewhere RENAME TO knox_auth_token');
    expect((await test.client.get('/me', { token })).status).toBe(200);
    expect(await test.rows.count()).toBe(1);
  });

  it('the service gives the cause to the application only', async () => {
    const { tokens, dataSource, john } = test;
    await dataSource.query('ALTER TABLE knox_auth_token RENAME TO elsewhere');
    for (const call of [
      () => tokens.create(john),
      () => tokens.authenticate('unknown'),
      () => tokens.revoke('unknown'),
      () => tokens.revokeAll(john),
      () => tokens.list(john),
      () => tokens.deleteExpired(),
    ]) {
      await expect(call()).rejects.toMatchObject({
        status: 503,
        response: ERRORS.unavailable,
        cause: { message: expect.stringContaining('knox_auth_token') },
      });
    }
    await dataSource.query('ALTER TABLE elsewhere RENAME TO knox_auth_token');
  });

  it('a refresh that cannot be written is logged, and the request succeeds', async () => {
    const { token, authToken } = await test.tokens.create(test.john, { ttl: '2h' });
    const expiry = new Date(Date.now() + 60_000);
    await test.rows.update(authToken.digest, { expiry });
    await refuseUpdates(test.dataSource);
    log.lines.length = 0;

    const me = await test.client.get('/me', { token });
    expect(me.status).toBe(200);
    expect(me.body.expiry).toBe(expiry.toISOString());
    expect(log.errors).toEqual([expect.stringMatching(/^A token could not be refreshed: ./)]);
    const stored = await test.rows.findOneByOrFail({ digest: authToken.digest });
    expect(stored.expiry).toEqual(expiry);
  });
});

describe('on SQLite, a file that another process writes to', () => {
  it('is read from, though a refresh that is due fails', async () => {
    const test = await startApp({ knox: { autoRefresh: true, authTimeout: '200ms' } });
    const { token, authToken } = await test.tokens.create(test.john, { ttl: '2h' });
    await test.rows.update(authToken.digest, { expiry: new Date(Date.now() + 60_000) });
    const options = { ...test.dataSource.options, synchronize: false };
    const writer = await new DataSource(options).initialize();
    await writer.query('BEGIN IMMEDIATE');

    expect((await test.client.get('/me', { token })).status).toBe(200);

    await writer.query('ROLLBACK');
    await writer.destroy();
    await test.close();
  });
});

async function refuseUpdates(dataSource: DataSource): Promise<void> {
  const on = 'CREATE TRIGGER no_update BEFORE UPDATE ON knox_auth_token';
  switch (dataSource.options.type) {
    case 'postgres':
      await dataSource.query(`CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN RAISE EXCEPTION 'no!'; END $$`);
      await dataSource.query(`${on} FOR EACH ROW EXECUTE FUNCTION refuse()`);
      break;
    case 'mariadb':
      await dataSource.query(`${on} FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'no!'`);
      break;
    default:
      await dataSource.query(`${on} BEGIN SELECT RAISE(ABORT, 'no!'); END`);
  }
}
