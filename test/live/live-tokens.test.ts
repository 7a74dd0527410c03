import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { DataSource } from 'typeorm';
import {
  KnoxUnauthorizedException,
  type SessionToken,
  type TokenService,
} from '../../lib/index.ts';
import type { TokenWatch } from '../../lib/live/index.ts';
import { PASSWORD } from '../support/app.ts';
import { DATABASES } from '../support/databases.ts';
import { pollFor } from '../support/polling.ts';
import { SqlLog } from '../support/sql-log.ts';
import type { User } from '../support/users.ts';
import { endOf, INTERVAL_MS, startLiveApp, type LiveApp } from './live-app.ts';

type Issued = Awaited<ReturnType<TokenService<SessionToken<User>>['create']>>;

const ROUNDS_MS = 4 * INTERVAL_MS;

/** Calls the listener with the digests of each statement. */
class StatementHook extends SqlLog {
  constructor(
    dataSource: DataSource,
    private readonly listener: (digests: string[]) => void,
  ) {
    super(dataSource);
  }

  override logQuery(_query: string, parameters: unknown[] = []): void {
    const isDigest = (value: unknown) => typeof value === 'string' && /^[0-9a-f]{128}$/.test(value);
    this.listener(parameters.flat().filter(isDigest) as string[]);
  }
}

describe.each(DATABASES)('LiveTokens.watch, on %s', (database) => {
  let test: LiveApp;
  const watches: TokenWatch[] = [];
  beforeAll(async () => {
    test = await startLiveApp({
      database,
      knox: { tokenLimitPolicy: 'evict-oldest', minRefreshInterval: 0, autoRefresh: false },
    });
  });
  afterEach(async () => {
    for (const watch of watches.splice(0)) watch.release();
    await test.rows.deleteAll();
  });
  afterAll(() => test.close());

  function watch({ authToken }: Issued): TokenWatch {
    const watched = test.live.watch(authToken);
    watches.push(watched);
    return watched;
  }

  function end(path: string, { token }: Issued) {
    return test.client.send(path, { method: 'DELETE', token });
  }

  /** A token of john.doe that is watched, and another one. */
  async function watchTwo(options: { ttl?: number } = {}) {
    const issued = await test.tokens.create(test.john, options);
    const other = await test.tokens.create(test.john, options);
    return { issued, watched: watch(issued), other: watch(other) };
  }

  it('goes on while the token is good', async () => {
    const { watched } = await watchTwo();
    await sleep(ROUNDS_MS);
    expect(watched.signal.aborted).toBe(false);
  });

  describe('is told at once of what this process does:', () => {
    it('a logout', async () => {
      const { issued, watched, other } = await watchTwo();
      await test.client.post('/auth/logout', { token: issued.token });
      expect(watched.signal.aborted).toBe(true);
      expect(watched.signal.reason).toBeInstanceOf(KnoxUnauthorizedException);
      expect(watched.signal.reason).toMatchObject({ code: 'invalid_token', status: 401 });
      expect(other.signal.aborted).toBe(false);
    });

    it('a logout from all devices', async () => {
      const { issued, watched, other } = await watchTwo();
      await test.client.post('/auth/logoutall', { token: issued.token });
      expect([watched, other].map(({ signal }) => signal.aborted)).toEqual([true, true]);
    });

    it('the end of a session, and of all others', async () => {
      const { issued, watched, other } = await watchTwo();
      await end('/auth/sessions', issued);
      expect([watched, other].map(({ signal }) => signal.aborted)).toEqual([false, true]);
      await end(`/auth/sessions/${issued.authToken.publicId}`, issued);
      expect(watched.signal.aborted).toBe(true);
    });

    it('revoke and revokeAll', async () => {
      const { issued, watched, other } = await watchTwo();
      await test.tokens.revoke(issued.token);
      expect([watched, other].map(({ signal }) => signal.aborted)).toEqual([true, false]);
      await test.tokens.revokeAll(test.john);
      expect(other.signal.aborted).toBe(true);
    });

    it('a login past the limit', async () => {
      const { issued, watched, other } = await watchTwo();
      await test.tokens.create(test.john, { limit: 2 });
      expect([watched, other].map(({ signal }) => signal.aborted)).toEqual([true, false]);
      expect(issued.authToken.digest).toHaveLength(128);
    });

    it('a reauthentication, which gives the session a new token', async () => {
      const { issued, watched, other } = await watchTwo();
      const { status } = await test.client.post('/auth/reauthenticate', {
        token: issued.token,
        body: { username: 'john.doe', password: PASSWORD },
      });
      expect(status).toBe(200);
      expect([watched, other].map(({ signal }) => signal.aborted)).toEqual([true, false]);
    });

    it('a token for a single use that is used', async () => {
      const { issued, watched } = await watchTwo();
      await test.tokens.consume(issued.token);
      expect(watched.signal.aborted).toBe(true);
    });

    it('the commit of a transaction that revokes, and not its rollback', async () => {
      const { issued, watched, other } = await watchTwo();
      const failure = new Error('rolled back');
      const transaction = test.dataSource.transaction(async (manager) => {
        await test.tokens.revokeAll(test.john, { manager });
        throw failure;
      });
      await expect(transaction).rejects.toBe(failure);
      expect([watched, other].map(({ signal }) => signal.aborted)).toEqual([false, false]);

      await test.dataSource.transaction(async (manager) => {
        await test.tokens.revoke(issued.token, { manager });
        expect(watched.signal.aborted).toBe(false);
      });
      expect([watched, other].map(({ signal }) => signal.aborted)).toEqual([true, false]);
      await test.dataSource.transaction(async (manager) => {
        await test.tokens.revokeAll(test.john, { manager });
        expect(other.signal.aborted).toBe(false);
      });
      expect(other.signal.aborted).toBe(true);
    });
  });

  describe('is told of what others do in the database:', () => {
    it('a row that is deleted', async () => {
      const { issued, watched, other } = await watchTwo();
      await test.rows.delete({ digest: issued.authToken.digest });
      expect(await endOf(watched)).toBe('invalid_token');
      expect(other.signal.aborted).toBe(false);
    });

    it('a user that becomes inactive', async () => {
      const jane = await test.tokens.create(test.jane);
      const watched = watch(jane);
      const { watched: others } = await watchTwo();
      await test.users.update(test.jane.id, { isActive: false });
      expect(await endOf(watched)).toBe('user_inactive');
      const answer = await test.client.get('/me', { token: jane.token });
      expect(answer.body.code).toBe('user_inactive');
      expect(others.signal.aborted).toBe(false);
      await test.users.update(test.jane.id, { isActive: true });
    });

    it('a user that is deleted', async () => {
      const user = await test.users.save(
        test.users.create({ username: 'gone', password: PASSWORD, isActive: true }),
      );
      const watched = watch(await test.tokens.create(user));
      await test.users.delete(user.id);
      expect(await endOf(watched)).toBe('invalid_token');
    });
  });

  it('ends when the token expires', async () => {
    const { watched } = await watchTwo({ ttl: 1_500 });
    const began = performance.now();
    expect(await endOf(watched)).toBe('invalid_token');
    expect(performance.now() - began).toBeGreaterThan(1_400);
  });

  it('goes on where another process has refreshed the token', async () => {
    const { issued, watched, other } = await watchTwo({ ttl: 1_000 });
    await test.rows.update(
      { digest: issued.authToken.digest },
      { expiry: new Date(Date.now() + 60_000) },
    );
    expect(await endOf(other)).toBe('invalid_token');
    await sleep(ROUNDS_MS);
    expect(watched.signal.aborted).toBe(false);
  });

  it('asks for all tokens in each interval, however many are watched in between', async () => {
    const issued = await Promise.all(
      Array.from({ length: 8 }, () => test.tokens.create(test.john)),
    );
    for (const one of issued.splice(0, 3)) watch(one);
    const sizes: number[] = [];
    new StatementHook(test.dataSource, (digests) => {
      sizes.push(digests.length);
      const next = issued.shift();
      if (next) watch(next);
    });
    await pollFor(
      () => sizes.length,
      (count) => count >= 6,
    );
    expect(sizes.slice(0, 6)).toEqual([3, 4, 5, 6, 7, 8]);
  });

  it('asks for no more than 500 tokens in a statement, and for each in an interval', async () => {
    const count = 501;
    const issued = await Promise.all(
      Array.from({ length: count }, () => test.tokens.create(test.john)),
    );
    const asked: string[][] = [];
    new StatementHook(test.dataSource, (digests) => asked.push([...new Set(digests)]));
    for (const one of issued) watch(one);
    const all = (): Set<string> => new Set(asked.flat());
    await pollFor(all, ({ size }) => size === count);
    expect(all()).toEqual(new Set(issued.map(({ authToken }) => authToken.digest)));
    expect(Math.max(...asked.map(({ length }) => length))).toBeLessThanOrEqual(500);
    expect(Math.min(...asked.map(({ length }) => length))).toBeGreaterThan(200);
  });

  it('watches no token that was loaded without its expiry', async () => {
    const { authToken } = await test.tokens.create(test.john);
    const { digest } = authToken;
    const partial = await test.rows.findOneOrFail({ where: { digest }, select: { digest: true } });
    expect(() => test.live.watch(partial)).toThrow(/without its expiry/);
    const sql = new SqlLog(test.dataSource);
    await sleep(ROUNDS_MS);
    expect(sql.statements).toEqual([]);
  });

  it('releases a watch that is disposed of', async () => {
    const { issued, watched } = await watchTwo();
    watched[Symbol.dispose]();
    await test.tokens.revoke(issued.token);
    expect(watched.signal.aborted).toBe(false);
  });

  it('asks for all tokens in one statement, for one that is watched twice once, and for none after', async () => {
    const { issued, watched } = await watchTwo();
    const again = watch(issued);
    const sql = new SqlLog(test.dataSource);
    await sleep(10 * INTERVAL_MS);
    const statements = sql.reads.length;
    expect(statements).toBeGreaterThan(6);
    expect(statements).toBeLessThan(14);
    expect(new Set(sql.reads).size).toBe(1);
    watched.release();
    await test.tokens.revoke(issued.token);
    expect([watched, again].map(({ signal }) => signal.aborted)).toEqual([false, true]);

    for (const one of watches) one.release();
    await sleep(50);
    sql.clear();
    await sleep(ROUNDS_MS);
    expect(sql.statements).toEqual([]);
  });
});

it('LiveTokens asks no more often than in its interval, however long that is', async () => {
  const test = await startLiveApp({}, { interval: '20d', failAfter: '24d' });
  const { authToken } = await test.tokens.create(test.john, { ttl: '30d' });
  const sql = new SqlLog(test.dataSource);
  const watch = test.live.watch(authToken);
  await sleep(100);
  expect(sql.statements).toEqual([]);
  expect(watch.signal.aborted).toBe(false);
  watch.release();
  await test.close();
});
