import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import type { EntityManager } from 'typeorm';
import { describeOn } from '../support/describe-on.ts';
import { ERRORS } from '../support/errors.ts';
import { startFaultyApp, type FaultyApp } from '../support/faulty-app.ts';
import { login, logout, logoutAll, me, SharedDatabase } from '../support/shared-database.ts';

type Event = 'INSERT' | 'DELETE';

/** Makes the database drop what a statement does to a row, without an error; MariaDB has no such trigger. */
const DROP = {
  sqlite: (event: Event) =>
    `CREATE TRIGGER dropping BEFORE ${event} ON knox_auth_token BEGIN SELECT RAISE(IGNORE); END`,
  postgres: (event: Event) =>
    `CREATE FUNCTION dropping() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
     CREATE TRIGGER dropping BEFORE ${event} ON knox_auth_token
     FOR EACH ROW EXECUTE FUNCTION dropping()`,
};
const KEEP = {
  sqlite: 'DROP TRIGGER dropping',
  postgres: 'DROP FUNCTION dropping CASCADE',
};

describeOn(['sqlite', 'postgres'], 'a trigger on %s that drops changes', (database) => {
  let test: FaultyApp;
  beforeAll(async () => {
    test = await startFaultyApp({ database });
  });
  afterAll(() => test.close());
  afterEach(async () => {
    await test.direct.query(KEEP[database]);
    await test.direct.query('DELETE FROM knox_auth_token');
  });
  const drop = (event: Event) => test.direct.query(DROP[database](event));
  const unavailable = [503, ERRORS.unavailable];

  it.each(['/auth/logout', '/auth/logoutall'])('is told of by %s, and logged', async (path) => {
    const token = await test.newToken();
    await test.newToken();
    await drop('DELETE');
    const answer = await test.client.post(path, { token });
    expect([answer.status, answer.body]).toEqual(unavailable);
    expect(test.log.errors.at(-1)).toContain('the DELETE succeeded, but its row is still there');
    expect((await test.me(token)).status).toBe(200);
    expect(await test.rows()).toBe(2);
  });

  it('is told of where tokens are revoked in the application’s transaction', async () => {
    const token = await test.newToken();
    await test.newToken();
    await drop('DELETE');
    const revoke = (manager: EntityManager): Promise<unknown> =>
      test.tokens.revoke(token, { manager });
    const revokeAll = (manager: EntityManager): Promise<unknown> =>
      test.tokens.revokeAll(test.john, { manager });
    for (const work of [revoke, revokeAll]) {
      await expect(test.dataSource.transaction(work)).rejects.toMatchObject({
        response: ERRORS.unavailable,
      });
      expect(test.log.errors.at(-1)).toContain('the DELETE succeeded, but its row is still there');
    }
    expect(await test.rows()).toBe(2);
  });

  it.each([null, 5])(
    'makes no login of a token that was not stored, at a limit of %s',
    async (limit) => {
      await drop('INSERT');
      await expect(test.tokens.create(test.john, { limit })).rejects.toMatchObject({
        response: ERRORS.unavailable,
      });
      const answer = await test.login();
      expect([answer.status, answer.body]).toEqual(unavailable);
      expect(test.log.errors.at(-1)).toContain('The INSERT of a token inserted no row.');
    },
  );
});

describeOn(['postgres'], 'a policy on %s', (name) => {
  it('that lets the application see rows and delete none is told of by both logouts', async () => {
    const shared = await SharedDatabase.create(name);
    const account = `knox_${randomUUID().replaceAll('-', '')}`;
    await shared.createAccount(account);
    const member = await shared.addMember('ada');
    for (const sql of [
      // A superuser is bound by no policy.
      `ALTER ROLE ${account} NOSUPERUSER`,
      `GRANT SELECT, INSERT, UPDATE, DELETE ON members, member_token TO ${account}`,
      'ALTER TABLE member_token ENABLE ROW LEVEL SECURITY',
      'CREATE POLICY reads ON member_token FOR SELECT USING (true)',
      'CREATE POLICY inserts ON member_token FOR INSERT WITH CHECK (true)',
      'CREATE POLICY updates ON member_token FOR UPDATE USING (true)',
    ]) {
      await shared.direct.query(sql);
    }
    const app = await shared.start({ account });
    try {
      const { token } = (await login(app, member)).body;
      for (const end of [logout, logoutAll]) {
        const answer = await end(app, token as string);
        expect([answer.status, answer.body]).toEqual([503, ERRORS.unavailable]);
      }
      expect((await me(app, token as string)).status).toBe(200);
    } finally {
      await app.close();
      await shared.direct.query(`DROP OWNED BY ${account}`);
      await shared.drop();
    }
  });
});
