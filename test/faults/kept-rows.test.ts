import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { EntityManager } from 'typeorm';
import { DATABASES } from '../support/databases.ts';
import { ERRORS } from '../support/errors.ts';
import { startFaultyApp, type FaultyApp } from '../support/faulty-app.ts';

type Event = 'INSERT' | 'DELETE';

/** Makes the database drop what a statement does to a row, without an error; MariaDB has no such trigger. */
const DROP: Readonly<Record<string, (event: Event) => string>> = {
  sqlite: (event) =>
    `CREATE TRIGGER dropping BEFORE ${event} ON knox_auth_token BEGIN SELECT RAISE(IGNORE); END`,
  postgres: (event) =>
    `CREATE FUNCTION dropping() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
     CREATE TRIGGER dropping BEFORE ${event} ON knox_auth_token
     FOR EACH ROW EXECUTE FUNCTION dropping()`,
};
const KEEP: Readonly<Record<string, string>> = {
  sqlite: 'DROP TRIGGER dropping',
  postgres: 'DROP FUNCTION dropping CASCADE',
};

const STAGES = DATABASES.filter((name) => name in DROP);

describe.each(STAGES)('a trigger on %s that drops changes', (database) => {
  let test: FaultyApp;
  beforeAll(async () => {
    test = await startFaultyApp({ database });
  });
  afterAll(() => test.close());
  afterEach(async () => {
    await test.direct.query(KEEP[database]!);
    await test.direct.query('DELETE FROM knox_auth_token');
  });
  const drop = (event: Event) => test.direct.query(DROP[database]!(event));
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
