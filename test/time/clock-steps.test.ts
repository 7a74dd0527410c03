import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startApp, type TestApp } from '../support/app.ts';
import { freezeTime, restoreTime } from '../support/clock.ts';
import { DATABASES } from '../support/databases.ts';
import { ERRORS } from '../support/errors.ts';

const HOUR = 3_600_000;
const NOW = Date.UTC(2026, 9, 25, 1, 0, 0, 500);

describe.each(DATABASES)('a clock that steps, on %s', (database) => {
  let test: TestApp;
  let verifyLate: (() => void) | undefined;
  beforeAll(async () => {
    test = await startApp({
      database,
      knox: {
        tokenTtl: '10h',
        autoRefresh: true,
        minRefreshInterval: 0,
        tokenLimitPerUser: 1,
        verifyCredentials: () => {
          verifyLate?.();
          return test.john;
        },
      },
    });
  });
  afterAll(() => test.close());
  beforeEach(() => freezeTime(NOW));
  afterEach(async () => {
    restoreTime();
    verifyLate = undefined;
    await test.dataSource.query('DELETE FROM knox_auth_token');
  });

  const stored = async () => (await test.rows.find()).map(({ expiry }) => expiry!.getTime());
  const use = async (token: string) => (await test.client.get('/me', { token })).body;

  it('back leaves a token good, and never moves its expiry back', async () => {
    const token = await test.login();
    const expiry = NOW + 10 * HOUR;
    for (const step of [0, -1, -HOUR, -48 * HOUR]) {
      freezeTime(NOW + step);
      expect((await use(token)).expiry).toBe(new Date(expiry).toISOString());
      expect(await stored()).toEqual([expiry]);
    }
    freezeTime(NOW + 1);
    expect((await use(token)).expiry).toBe(new Date(expiry + 1).toISOString());
    expect(await stored()).toEqual([expiry + 1]);
  });

  it('back does not bring back a token that was expired and presented', async () => {
    const token = await test.login();
    freezeTime(NOW + 10 * HOUR);
    expect(await use(token)).toEqual(ERRORS.invalidToken);
    freezeTime(NOW);
    expect(await use(token)).toEqual(ERRORS.invalidToken);
  });

  it('back makes a token of the future count, and be listed and revoked like any other', async () => {
    freezeTime(NOW + 48 * HOUR);
    const token = await test.login();
    freezeTime(NOW);
    const body = { username: 'john.doe', password: 'hunter2' };
    expect((await test.client.post('/auth/login', { body })).body).toEqual(ERRORS.limitExceeded);
    expect(await test.tokens.list(test.john)).toHaveLength(1);
    expect((await test.client.post('/auth/logout', { token })).status).toBe(204);
    expect(await use(token)).toEqual(ERRORS.invalidToken);
  });

  it.each([5 * HOUR, -48 * HOUR])(
    'by %d ms while a login is under way changes no deadline',
    async (ms) => {
      verifyLate = () => freezeTime(NOW + ms);
      const token = await test.login();
      expect((await use(token)).username).toBe('john.doe');
      expect(await stored()).toEqual([NOW + ms + 10 * HOUR]);
    },
  );
});
