import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { startApp, type TestApp } from '../support/app.ts';
import { DATABASES, type DatabaseName } from '../support/databases.ts';
import { ERRORS } from '../support/errors.ts';

/** Literals that are outside the range of a Date. */
const EVERYWHERE = [
  ['one millisecond past the last Date', '8640000000000001'],
  ['the largest bigint', '9223372036854775807'],
  ['the smallest bigint', '-9223372036854775808'],
] as const;

/** SQLite stores values of any type in a bigint column. */
const ON_SQLITE = [
  ['text', "'never'"],
  ['an empty text', "''"],
  ['a text that looks like a date', "'2999-12-31 23:59:59'"],
  ['Infinity', '9e999'],
  ['minus Infinity', '-9e999'],
  ['a blob', "x'ffffffffffff'"],
] as const;

const literals = (database: DatabaseName) =>
  database === 'sqlite' ? [...EVERYWHERE, ...ON_SQLITE] : EVERYWHERE;

describe.each(DATABASES)('a row on %s that another program wrote', (database) => {
  let test: TestApp;
  beforeAll(async () => {
    test = await startApp({ database, knox: { autoRefresh: true, tokenLimitPerUser: 1 } });
  });
  afterAll(() => test.close());
  afterEach(() => test.dataSource.query('DELETE FROM knox_auth_token'));

  const set = (column: string, literal: string) =>
    test.dataSource.query(`UPDATE knox_auth_token SET ${column} = ${literal}`);

  describe.each(literals(database))('whose expiry is %s', (_, literal) => {
    it('is expired: 401, not listed, and it does not count', async () => {
      const token = await test.login();
      await set('expiry', literal);
      const answer = await test.client.get('/me', { token });
      expect([answer.status, answer.body]).toEqual([401, ERRORS.invalidToken]);
      expect(await test.tokens.list(test.john)).toEqual([]);
      expect((await test.login()).length).toBe(64);
    });
  });

  it.each(literals(database))(
    'whose created or ttl is %s is as good as its expiry, and is never refreshed to nonsense',
    async (_, literal) => {
      const { token, authToken } = await test.tokens.create(test.john, { ttl: '2h' });
      await set('created', literal);
      const { status, body } = await test.client.get('/me', { token });
      expect([status, body.expiry]).toEqual([200, authToken.expiry!.toISOString()]);
      await set('ttl', literal);
      const again = await test.client.get('/me', { token });
      expect([again.status, again.body.expiry]).toEqual([200, authToken.expiry!.toISOString()]);
      expect(await test.tokens.revoke(token)).toBe(true);
    },
  );
});
