import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { HashAlgorithm, KnoxModuleOptions } from '../../lib/index.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { freezeTime, restoreTime } from '../support/clock.ts';
import { JOHN } from '../support/credentials.ts';
import { ERRORS } from '../support/errors.ts';
import type { Answer } from '../support/http-client.ts';

const NOW = Date.UTC(2026, 2, 29, 0, 30);
const HOUR_MS = 3_600_000;

let test: TestApp;
const start = async (knox: KnoxModuleOptions): Promise<void> => {
  test = await startApp({ knox });
};
afterEach(async () => {
  restoreTime();
  await test.close();
});

const login = (): Promise<Answer> => test.client.post('/auth/login', { body: JOHN });

describe('tokenTtl', () => {
  it.each<[string, KnoxModuleOptions['tokenTtl'], number]>([
    ['a number of milliseconds', 1_500, 1_500],
    ['minutes', '90m', 1.5 * HOUR_MS],
    ['weeks', '2w', 14 * 24 * HOUR_MS],
  ])('may be %s, and ends the token to the millisecond', async (_, tokenTtl, ms) => {
    await start({ tokenTtl });
    freezeTime(NOW);
    const { body } = await login();
    expect(body.expiry).toBe(new Date(NOW + ms).toISOString());
    freezeTime(NOW + ms - 1);
    expect((await test.client.get('/me', body)).status).toBe(200);
    freezeTime(NOW + ms);
    const { status, body: error } = await test.client.get('/me', body);
    expect([status, error]).toEqual([401, ERRORS.invalidToken]);
  });

  it('may be null, for tokens that never expire', async () => {
    await start({ tokenTtl: null });
    freezeTime(NOW);
    const { body } = await login();
    expect(body).toEqual({ expiry: null, token: body.token });
    freezeTime(NOW + 1_000 * 365 * 24 * HOUR_MS);
    const { status, body: me } = await test.client.get('/me', body);
    expect([status, me.expiry]).toEqual([200, null]);
    expect(await test.tokens.deleteExpired()).toBe(0);
  });
});

describe('tokenPrefix', () => {
  it.each(['a', 'my-app_', '0123456789'])('stands before the random part: %s', async (prefix) => {
    await start({ tokenPrefix: prefix });
    const { token } = (await login()).body;
    expect(token).toMatch(new RegExp(`^${prefix}[0-9a-f]{64}$`));
    const { status, body } = await test.client.get('/me', { token });
    expect([status, body.tokenKey]).toEqual([200, token.slice(0, 15)]);
    const without = await test.client.get('/me', { token: token.slice(prefix.length) });
    expect(without.body).toEqual(ERRORS.invalidToken);
  });
});

describe('tokenLength', () => {
  it.each([48, 64, 256])('is the length of the random part: %d', async (tokenLength) => {
    await start({ tokenLength, tokenPrefix: '0123456789' });
    const { token } = (await login()).body;
    expect(token).toMatch(new RegExp(`^0123456789[0-9a-f]{${tokenLength}}$`));
    expect((await test.client.get('/me', { token })).status).toBe(200);
    expect((await test.client.post('/auth/logout', { token })).status).toBe(204);
  });

  it('leaves tokens of another length valid', async () => {
    await start({ tokenLength: 48 });
    const { authToken } = await test.tokens.create(test.john);
    const older = 'c'.repeat(128);
    const digest = createHash('sha512').update(older).digest('hex');
    await test.rows.update(authToken.digest, { digest, tokenKey: older.slice(0, 15) });
    expect((await test.client.get('/me', { token: older })).status).toBe(200);
  });
});

describe('hashAlgorithm', () => {
  it.each<[HashAlgorithm, number]>([
    ['sha256', 64],
    ['sha384', 96],
    ['sha512', 128],
    ['sha3-256', 64],
    ['sha3-384', 96],
    ['sha3-512', 128],
    ['blake2b512', 128],
  ])('may be %s', async (hashAlgorithm, length) => {
    await start({ hashAlgorithm, tokenPrefix: 'pre_' });
    const { token } = (await login()).body;
    const [row] = await test.rows.find();
    expect(row?.digest).toBe(createHash(hashAlgorithm).update(token).digest('hex'));
    expect(row?.digest).toHaveLength(length);
    expect((await test.client.get('/me', { token })).status).toBe(200);
    expect((await test.client.post('/auth/logout', { token })).status).toBe(204);
    expect(await test.rows.count()).toBe(0);
  });
});

describe('tokenLimitPerUser', () => {
  it('is the number of unexpired tokens that each user may have', async () => {
    await start({ tokenLimitPerUser: 2 });
    freezeTime(NOW);
    const { body } = await login();
    await test.tokens.create(test.john, { ttl: '1h' });
    const refused = await login();
    expect([refused.status, refused.body]).toEqual([403, ERRORS.limitExceeded]);
    expect(await test.login('jane.doe')).toMatch(/^[0-9a-f]{64}$/);
    await expect(test.tokens.create(test.john)).rejects.toMatchObject({
      code: 'token_limit_exceeded',
    });
    expect(await test.rows.countBy({ user: { id: test.john.id } })).toBe(2);

    await test.client.post('/auth/logout', body);
    expect((await login()).status).toBe(200);
    expect((await login()).status).toBe(403);

    freezeTime(NOW + HOUR_MS);
    expect((await login()).status).toBe(200);
    expect((await login()).status).toBe(403);
  });

  it('is not reached by logins with a wrong password', async () => {
    await start({ tokenLimitPerUser: 1 });
    for (let i = 0; i < 3; i++) {
      const wrong = await test.client.post('/auth/login', { body: { ...JOHN, password: 'x' } });
      expect(wrong.status).toBe(401);
    }
    expect((await login()).status).toBe(200);
  });
});
