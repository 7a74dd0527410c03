import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { AuthToken } from '../../lib/index.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { freezeTime, restoreTime } from '../support/clock.ts';
import { DATABASES } from '../support/databases.ts';
import { ERRORS } from '../support/errors.ts';
import { pollUntil } from '../support/polling.ts';
import { SqlLog } from '../support/sql-log.ts';
import type { User } from '../support/users.ts';
import { maxEventLoopDelay } from '../support/event-loop-delay.ts';
import { createExpired } from '../support/expired-token.ts';

/** How many rows one statement deletes: on SQLite few, because it holds up the event loop. */
const BATCH = { sqlite: 50, postgres: 500, mariadb: 500 } as const;

const NOW = Date.UTC(2025, 9, 26, 0, 30, 0, 123);

describe.each(DATABASES)('TokenService on %s', (database) => {
  let test: TestApp;
  beforeAll(async () => {
    test = await startApp({ database });
  });
  afterAll(() => test.close());
  beforeEach(() => freezeTime(NOW));
  afterEach(async () => {
    restoreTime();
    await test.rows.deleteAll();
  });

  /** A token that expires so many milliseconds after now; or has expired, for 0 and less. */
  const make = async (user: User, ttl?: number | null) =>
    typeof ttl === 'number' && ttl <= 0
      ? createExpired(test.tokens, user, {}, -ttl)
      : test.tokens.create(user, { ttl });
  const refused = (token: string) =>
    expect(test.tokens.authenticate(token)).rejects.toMatchObject({
      response: ERRORS.invalidToken,
      status: 401,
    });
  const count = (user: User) => test.rows.countBy({ user: { id: user.id } });

  describe('authenticate', () => {
    it('gives the user and the token', async () => {
      const { token, authToken } = await make(test.john);
      expect(await test.tokens.authenticate(token)).toEqual({ user: test.john, authToken });
    });

    it.each([
      ['unknown', () => '0'.repeat(64)],
      ['empty', () => ''],
      ['too long to be one', () => 'a'.repeat(15_000)],
      ['of characters no token has', () => 'é\0\ud800'],
    ])('refuses a token that is %s', async (_, token) => {
      await make(test.john);
      await refused(token());
      expect(await count(test.john)).toBe(1);
    });

    it('refuses a token in another case, a shortened one and one with a space after it', async () => {
      const { token } = await test.tokens.create(test.john, { prefix: 'Ab' });
      await refused(token.toUpperCase());
      await refused(token.slice(0, -1));
      await refused(`${token} `);
      expect(await count(test.john)).toBe(1);
    });

    it('takes a token until 1 ms before its expiry and refuses it at its expiry', async () => {
      const { token } = await make(test.john, 1_000);
      freezeTime(NOW + 999);
      expect((await test.tokens.authenticate(token)).user).toEqual(test.john);
      freezeTime(NOW + 1_000);
      await refused(token);
    });

    it('deletes an expired token that is presented with its owner’s other expired ones', async () => {
      const { token } = await make(test.john, -1);
      await make(test.john, -2);
      await make(test.john, 0);
      await make(test.john, 1);
      await make(test.john, null);
      await make(test.jane, -1);
      await refused(token);
      expect(await count(test.john)).toBe(2);
      expect(await count(test.jane)).toBe(1);
    });

    it('deletes one batch of them before it answers, and the rest in the background', async () => {
      const { token } = await make(test.john, -1);
      await fill(test, 1_001, -1);
      const sql = new SqlLog(test.dataSource);
      await refused(token);
      expect(sql.writes).toHaveLength(1);
      await pollUntil(0, () => count(test.john));
    });

    it('refuses a token whose expiry is an instant that no Date can hold', async () => {
      const { token, authToken } = await make(test.john);
      const beyond = () => '8640000000000001';
      await test.rows.update(authToken.digest, { expiry: beyond });
      await refused(token);
    });

    it('refuses a token of an inactive user, and leaves it', async () => {
      const { token } = await make(test.john);
      await test.users.update(test.john.id, { isActive: false });
      await expect(test.tokens.authenticate(token)).rejects.toMatchObject({
        response: ERRORS.userInactive,
        status: 401,
      });
      await test.users.update(test.john.id, { isActive: true });
      expect((await test.tokens.authenticate(token)).user).toEqual(test.john);
    });
  });

  describe('revoke', () => {
    it('ends a raw token, and returns true only once', async () => {
      const { token } = await make(test.john);
      expect(await test.tokens.revoke(token)).toBe(true);
      await refused(token);
      expect(await test.tokens.revoke(token)).toBe(false);
    });

    it('ends a token by its entity, made, found or listed', async () => {
      const [made, found] = [await make(test.john), await make(test.john)];
      const { authToken } = await test.tokens.authenticate(found.token);
      expect(await test.tokens.revoke(made.authToken)).toBe(true);
      expect(await test.tokens.revoke(authToken)).toBe(true);
      expect(await test.tokens.revoke(authToken)).toBe(false);
      const { token } = await make(test.john);
      const [listed] = await test.tokens.list(test.john);
      expect(await test.tokens.revoke(listed as AuthToken)).toBe(true);
      for (const gone of [made.token, found.token, token]) await refused(gone);
    });

    it('leaves the other tokens of the user alone', async () => {
      const [kept, revoked] = [await make(test.john), await make(test.john)];
      await test.tokens.revoke(revoked.token);
      expect((await test.tokens.authenticate(kept.token)).user).toEqual(test.john);
    });

    it('finds nothing for a string that is no token', async () => {
      await make(test.john);
      for (const value of ['', 'unknown', ' ', '%', 'é', 'a'.repeat(15_000)]) {
        expect(await test.tokens.revoke(value)).toBe(false);
      }
      expect(await count(test.john)).toBe(1);
    });

    it('compares digests byte by byte', async () => {
      const { token, authToken } = await make(test.john);
      await test.rows.update(authToken.digest, { digest: authToken.digest.toUpperCase() });
      await refused(token);
      expect(await test.tokens.revoke(token)).toBe(false);
      expect(await count(test.john)).toBe(1);
    });
  });

  describe('revokeAll', () => {
    it('ends all tokens of the user, counts them, and leaves other users’ alone', async () => {
      const tokens = [await make(test.john), await make(test.john, null)];
      const janes = await make(test.jane);
      expect(await test.tokens.revokeAll(test.john)).toBe(2);
      for (const { token } of tokens) await refused(token);
      expect((await test.tokens.authenticate(janes.token)).user).toEqual(test.jane);
      expect(await test.tokens.revokeAll(test.john)).toBe(0);
    });

    it('takes a plain object with the key', async () => {
      await make(test.john);
      expect(await test.tokens.revokeAll({ id: test.john.id })).toBe(1);
    });

    it.each([
      ['raw', 'token'],
      ['as its entity', 'authToken'],
    ] as const)('leaves alone the excepted token, given %s', async (_, form) => {
      const kept = await make(test.john);
      await make(test.john);
      await make(test.john);
      expect(await test.tokens.revokeAll(test.john, { except: kept[form] })).toBe(2);
      expect((await test.tokens.authenticate(kept.token)).user).toEqual(test.john);
    });

    it('ends them all where the excepted token is another user’s', async () => {
      await make(test.john);
      const { token } = await make(test.jane);
      expect(await test.tokens.revokeAll(test.john, { except: token })).toBe(1);
      expect(await count(test.jane)).toBe(1);
    });

    it('ends more tokens than one statement deletes', async () => {
      await fill(test, 501, 1);
      await make(test.jane);
      const sql = new SqlLog(test.dataSource);
      expect(await test.tokens.revokeAll(test.john)).toBe(501);
      expect(sql.writes).toHaveLength(Math.ceil(501 / BATCH[database]));
      expect(await count(test.jane)).toBe(1);
    });
  });

  describe('list', () => {
    it('gives the unexpired tokens of the user, newest first', async () => {
      const first = await make(test.john);
      freezeTime(NOW + 1);
      const second = await make(test.john, null);
      freezeTime(NOW + 2);
      const third = await make(test.john, 5);
      await make(test.john, 0);
      await make(test.john, -1);
      await make(test.jane);

      const listed = await test.tokens.list(test.john);
      expect(listed).toEqual([third.authToken, second.authToken, first.authToken]);
      for (const token of listed) expect(token).toBeInstanceOf(AuthToken);
      freezeTime(NOW + 7);
      expect(await test.tokens.list(test.john)).toEqual([second.authToken, first.authToken]);
    });

    it('gives an empty list to a user without tokens, and deletes nothing', async () => {
      await make(test.john, -1);
      expect(await test.tokens.list(test.john)).toEqual([]);
      expect(await count(test.john)).toBe(1);
    });
  });

  describe('deleteExpired', () => {
    it('deletes the expired tokens of all users, more than one batch, and counts them', async () => {
      await fill(test, 1_001, -1);
      await make(test.john, 0);
      await make(test.jane, -1);
      const kept = [await make(test.john, 1), await make(test.jane, null)];

      const sql = new SqlLog(test.dataSource);
      expect(await test.tokens.deleteExpired()).toBe(1_003);
      expect(sql.writes).toHaveLength(Math.ceil(1_003 / BATCH[database]));
      const left = await test.rows.find();
      expect(left.map(({ digest }) => digest).sort()).toEqual(
        kept.map(({ authToken }) => authToken.digest).sort(),
      );
      expect(await test.tokens.deleteExpired()).toBe(0);
    });
  });
});

describe('TokenService on SQLite', () => {
  it('lets the event loop turn while it ends a user’s many tokens', async () => {
    const test = await startApp({ knox: { authTimeout: '20s' } });
    try {
      await test.dataSource.query(
        'WITH RECURSIVE seq(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM seq WHERE n < 20000) ' +
          'INSERT INTO knox_auth_token (digest, token_key, created, user_id) ' +
          `SELECT printf('%0128x', n), 'filled', 0, ${String(test.john.id)} FROM seq`,
      );
      const begun = performance.now();
      const longest = await maxEventLoopDelay(async () => {
        expect(await test.tokens.revokeAll(test.john)).toBe(20_000);
      });
      expect(longest).toBeLessThan((performance.now() - begun) / 4);
    } finally {
      await test.close();
    }
  });
});

/** Inserts tokens of John that expire `ttl` ms after NOW. Does not use the service, to be faster. */
async function fill({ rows, john }: TestApp, count: number, ttl: number): Promise<void> {
  const all = Array.from({ length: count }, (_, index) => ({
    digest: index.toString(16).padStart(128, '0'),
    tokenKey: 'filled',
    user: john,
    created: new Date(NOW),
    expiry: new Date(NOW + ttl),
    ttl: null,
  }));
  await rows.insert(all);
}
