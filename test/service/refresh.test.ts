import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { AuthToken } from '../../lib/index.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { freezeTime, restoreTime } from '../support/clock.ts';
import { DATABASES } from '../support/databases.ts';
import { ERRORS } from '../support/errors.ts';

const NOW = Date.UTC(2026, 10, 28);
const HOUR = 3_600_000;

describe.each(DATABASES)('refresh on %s', (database) => {
  let test: TestApp;
  beforeAll(async () => {
    test = await startApp({
      database,
      knox: { tokenTtl: 10 * HOUR, minRefreshInterval: '1m', autoRefreshMaxTtl: 24 * HOUR },
    });
  });
  afterAll(() => test.close());
  beforeEach(() => freezeTime(NOW));
  afterEach(async () => {
    restoreTime();
    await test.rows.deleteAll();
  });
  const stored = async () => (await test.rows.find())[0]!.expiry?.getTime();
  const invalid = { response: ERRORS.invalidToken };

  it.each(['raw', 'entity'])(
    'moves the expiry of a token forward that is given as %s',
    async (kind) => {
      const { token, authToken } = await test.tokens.create(test.john);
      freezeTime(NOW + HOUR);
      const expiry = await test.tokens.refresh(kind === 'raw' ? token : authToken);
      expect(expiry?.getTime()).toBe(NOW + 11 * HOUR);
      expect(await stored()).toBe(NOW + 11 * HOUR);
      if (kind === 'entity') expect(authToken.expiry).toEqual(expiry);
    },
  );

  it('keeps to the bounds that autoRefresh keeps to', async () => {
    const { token } = await test.tokens.create(test.john, { ttl: 20 * HOUR });
    freezeTime(NOW + 30_000);
    expect((await test.tokens.refresh(token))?.getTime()).toBe(NOW + 20 * HOUR);
    freezeTime(NOW + 10 * HOUR);
    expect((await test.tokens.refresh(token))?.getTime()).toBe(NOW + 24 * HOUR);
  });

  it('leaves a token that never expires as it is', async () => {
    const { token } = await test.tokens.create(test.john, { ttl: null });
    expect(await test.tokens.refresh(token)).toBeNull();
  });

  it('refuses a token that is gone, has expired, or cannot be one', async () => {
    const { token, authToken } = await test.tokens.create(test.john, { ttl: 1 });
    freezeTime(NOW + 1);
    await expect(test.tokens.refresh(token)).rejects.toMatchObject(invalid);
    await expect(test.tokens.refresh(authToken)).rejects.toMatchObject(invalid);
    const { token: revoked } = await test.tokens.create(test.john);
    await test.tokens.revoke(revoked);
    await expect(test.tokens.refresh(revoked)).rejects.toMatchObject(invalid);
    await expect(test.tokens.refresh('no token')).rejects.toMatchObject(invalid);
    await expect(test.tokens.refresh(new AuthToken())).rejects.toThrow(TypeError);
    await expect(test.tokens.refresh(7 as never)).rejects.toThrow(TypeError);
  });
});
