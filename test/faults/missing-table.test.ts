import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DATABASES } from '../support/databases.ts';
import { ERRORS } from '../support/errors.ts';
import { startFaultyApp, type FaultyApp } from '../support/faulty-app.ts';

describe.each(DATABASES)('a database of %s without the table of tokens', (database) => {
  let test: FaultyApp;
  beforeAll(async () => {
    test = await startFaultyApp({ database, knox: { authTimeout: '5s' } });
  });
  afterAll(() => test.close());

  it('is a 503, not a 401, until the table is there', async () => {
    const token = await test.newToken();
    await test.direct.query('ALTER TABLE knox_auth_token RENAME TO elsewhere');
    const answers = await Promise.all([
      test.me(token),
      test.me('0'.repeat(64)),
      test.login(),
      test.client.post('/auth/logout', { token }),
      test.client.post('/auth/logoutall', { token }),
    ]);
    expect(answers.map(({ body }) => body)).toEqual(answers.map(() => ERRORS.unavailable));
    const cause = /^Authentication is unavailable: .*knox_auth_token/;
    // Lookups that share a statement share its line.
    expect(test.log.errors.length).toBeGreaterThan(1);
    for (const line of test.log.errors) expect(line).toMatch(cause);

    await test.direct.query('ALTER TABLE elsewhere RENAME TO knox_auth_token');
    expect((await test.me(token)).status).toBe(200);
    expect((await test.login()).status).toBe(200);
    expect(await test.rows()).toBe(2);
  });
});
