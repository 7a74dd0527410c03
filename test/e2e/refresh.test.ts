import { afterEach, describe, expect, it } from '@jest/globals';
import type { KnoxModuleOptions } from '../../lib/index.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { freezeTime, restoreTime } from '../support/clock.ts';
import { ERRORS } from '../support/errors.ts';
import { SqlLog } from '../support/sql-log.ts';

/** The night in which clocks go forward in Europe. */
const START = Date.UTC(2026, 2, 29, 0, 30);
const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;

let test: TestApp;
let token: string;
let sql: SqlLog;

/** Starts with `autoRefresh`, and makes a token at START. */
async function start(knox: KnoxModuleOptions, ttl?: number | null): Promise<void> {
  test = await startApp({ knox: { autoRefresh: true, ...knox } });
  freezeTime(START);
  ({ token } = await test.tokens.create(test.john, { ttl }));
  sql = new SqlLog(test.dataSource);
}

/** Uses the token `ms` after START. Gives its expiry then, in milliseconds after START. */
async function useAt(ms: number): Promise<number | null> {
  freezeTime(START + ms);
  const { status, body } = await test.client.get('/me', { token });
  expect(status).toBe(200);
  const { expiry } = await test.rows.findOneByOrFail({});
  expect(body.expiry).toBe(expiry?.toISOString() ?? null);
  return expiry === null ? null : expiry.getTime() - START;
}

afterEach(async () => {
  restoreTime();
  await test.close();
});

describe('autoRefresh', () => {
  it('is off by default', async () => {
    await start({ autoRefresh: undefined });
    expect(await useAt(9 * HOUR_MS)).toBe(10 * HOUR_MS);
    expect(sql.writes).toEqual([]);
  });

  it('moves the expiry to now and the TTL with each use, on the row and on the request', async () => {
    await start({});
    expect(await useAt(HOUR_MS)).toBe(11 * HOUR_MS);
    expect(await useAt(10.5 * HOUR_MS)).toBe(20.5 * HOUR_MS);
    expect(await useAt(20.5 * HOUR_MS - 1)).toBe(30.5 * HOUR_MS - 1);
    expect(sql.writes).toHaveLength(3);
    expect(sql.writes).toEqual(sql.writes.map(() => expect.stringMatching(/^UPDATE/)));
  });

  it('does the same for TokenService.authenticate', async () => {
    await start({});
    freezeTime(START + HOUR_MS);
    const { authToken } = await test.tokens.authenticate(token);
    expect(authToken.expiry).toEqual(new Date(START + 11 * HOUR_MS));
  });

  it('revives no expired token', async () => {
    await start({});
    freezeTime(START + 10 * HOUR_MS);
    const { status, body } = await test.client.get('/me', { token });
    expect([status, body]).toEqual([401, ERRORS.invalidToken]);
    expect(await test.rows.count()).toBe(0);
  });

  it('writes nothing for an inactive user', async () => {
    await start({});
    await test.users.update(test.john.id, { isActive: false });
    sql.clear();
    freezeTime(START + HOUR_MS);
    expect((await test.client.get('/me', { token })).body).toEqual(ERRORS.userInactive);
    expect(sql.writes).toEqual([]);
  });

  it('uses the token’s own TTL', async () => {
    await start({}, 2 * HOUR_MS);
    expect(await useAt(HOUR_MS)).toBe(3 * HOUR_MS);
  });

  it('leaves a token that never expires alone, whatever the option', async () => {
    await start({}, null);
    expect(await useAt(9 * HOUR_MS)).toBeNull();
    expect(sql.writes).toEqual([]);
  });

  it('refreshes a token with its own TTL where the option is null', async () => {
    await start({ tokenTtl: null }, 2 * HOUR_MS);
    expect(await useAt(HOUR_MS)).toBe(3 * HOUR_MS);
  });

  it('leaves a token that expires alone where there is no TTL', async () => {
    await start({ tokenTtl: null }, 2 * HOUR_MS);
    const { digest } = await test.rows.findOneByOrFail({});
    await test.rows.update(digest, { ttl: null });
    expect(await useAt(HOUR_MS)).toBe(2 * HOUR_MS);
  });

  it('never shortens: a token made under a longer TTL keeps its expiry', async () => {
    await start({ tokenTtl: '1h' }, 5 * HOUR_MS);
    const { digest } = await test.rows.findOneByOrFail({});
    await test.rows.update(digest, { ttl: null });
    expect(await useAt(HOUR_MS)).toBe(5 * HOUR_MS);
  });
});

describe('minRefreshInterval', () => {
  it('is a minute: a gain of exactly a minute is not written', async () => {
    await start({});
    sql.clear();
    expect(await useAt(MINUTE_MS)).toBe(10 * HOUR_MS);
    expect(sql.writes).toEqual([]);
    expect(await useAt(MINUTE_MS + 1)).toBe(10 * HOUR_MS + MINUTE_MS + 1);
    expect(sql.writes).toHaveLength(1);
    expect(await useAt(2 * MINUTE_MS)).toBe(10 * HOUR_MS + MINUTE_MS + 1);
    expect(sql.writes).toHaveLength(1);
  });

  it('may be longer', async () => {
    await start({ minRefreshInterval: '5h' });
    expect(await useAt(5 * HOUR_MS)).toBe(10 * HOUR_MS);
    expect(await useAt(5 * HOUR_MS + 1)).toBe(15 * HOUR_MS + 1);
  });

  it('may be none', async () => {
    await start({ minRefreshInterval: 0 });
    expect(await useAt(0)).toBe(10 * HOUR_MS);
    expect(sql.writes).toEqual([]);
    expect(await useAt(1)).toBe(10 * HOUR_MS + 1);
  });
});

describe('autoRefreshMaxTtl', () => {
  it('bounds the expiry, counted from the creation of the token', async () => {
    await start({ autoRefreshMaxTtl: '12h' });
    expect(await useAt(HOUR_MS)).toBe(11 * HOUR_MS);
    expect(await useAt(5 * HOUR_MS)).toBe(12 * HOUR_MS);
    sql.clear();
    expect(await useAt(11 * HOUR_MS)).toBe(12 * HOUR_MS);
    expect(sql.writes).toEqual([]);
    freezeTime(START + 12 * HOUR_MS);
    expect((await test.client.get('/me', { token })).body).toEqual(ERRORS.invalidToken);
  });

  it('does not shorten a token that has a later expiry already', async () => {
    await start({ autoRefreshMaxTtl: '3h' });
    expect(await useAt(2 * HOUR_MS)).toBe(10 * HOUR_MS);
  });

  it('holds for the token’s own TTL too', async () => {
    await start({ autoRefreshMaxTtl: '3h' }, 2 * HOUR_MS);
    expect(await useAt(1.5 * HOUR_MS)).toBe(3 * HOUR_MS);
  });

  it('needs a gain of more than minRefreshInterval too', async () => {
    await start({ autoRefreshMaxTtl: 10 * HOUR_MS + MINUTE_MS });
    expect(await useAt(5 * HOUR_MS)).toBe(10 * HOUR_MS);
    expect(sql.writes).toEqual([]);
  });
});
