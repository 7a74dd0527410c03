import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { describeOnServers } from '../support/describe-on.ts';
import { ERRORS } from '../support/errors.ts';
import { pollFor } from '../support/polling.ts';
import {
  AUTH_TIMEOUT_MS,
  POOL_SIZE,
  TOLERANCE_MS,
  startFaultyApp,
  type FaultyApp,
} from '../support/faulty-app.ts';
import type { Answer } from '../support/http-client.ts';
import { maxEventLoopDelay } from '../support/event-loop-delay.ts';

describeOnServers('while %s', (database) => {
  let test: FaultyApp;
  let token: string;
  beforeAll(async () => {
    const connectTimeout = AUTH_TIMEOUT_MS / 2;
    test = await startFaultyApp({
      database,
      knox: { tokenLimitPerUser: 100, autoRefresh: true },
      // Options of pg, which has no timeout by default, and of mysql2.
      dataSource: { connectTimeoutMS: connectTimeout, connectTimeout },
    });
  });
  afterAll(() => test.close());
  afterEach(async () => {
    test.proxy.delay(0);
    test.proxy.thaw();
    await test.proxy.accept();
  });
  beforeEach(async () => {
    token = await test.newToken();
    test.log.lines.length = 0;
  });

  const requests: [string, () => Promise<Answer>][] = [
    ['a guarded request', () => test.me(token)],
    ['a login', () => test.login()],
    ['a logout', () => test.client.post('/auth/logout', { token })],
    ['a logoutall', () => test.client.post('/auth/logoutall', { token })],
  ];

  const isUnavailable = async (send: () => Promise<Answer>): Promise<void> => {
    const start = performance.now();
    const { status, body, headers } = await send();
    expect([status, body]).toEqual([503, ERRORS.unavailable]);
    expect(headers['www-authenticate']).toBeUndefined();
    expect(performance.now() - start).toBeLessThan(AUTH_TIMEOUT_MS + TOLERANCE_MS);
  };

  const worksAgain = async (): Promise<void> => {
    expect((await test.me(token)).status).toBe(200);
    expect((await test.login()).status).toBe(200);
    expect((await test.client.post('/auth/logout', { token })).status).toBe(204);
    expect((await test.me(token)).body).toEqual(ERRORS.invalidToken);
  };

  const isInPool = (count: number): boolean => count <= POOL_SIZE;

  describe('is down', () => {
    it('every request is a 503, and each statement is logged with its cause', async () => {
      test.proxy.shutDown();
      await Promise.all(requests.map(([, send]) => isUnavailable(send)));
      const cause = /^Authentication is unavailable: .*(?:ECONN|Connection|closed)/i;
      expect(test.log.errors).not.toEqual([]);
      for (const line of test.log.errors) expect(line).toMatch(cause);
      expect(test.log.text).not.toContain(token);
    });

    it('a statement for many requests is one line in the log', async () => {
      test.proxy.shutDown();
      const lookups = Array.from({ length: 100 }, () => test.tokens.authenticate(token));
      for (const { status } of await Promise.allSettled(lookups)) expect(status).toBe('rejected');
      expect(test.log.errors).toHaveLength(1);
    });

    it.each(requests)('%s is a 503, and the next one after it works', async (_, send) => {
      test.proxy.shutDown();
      await isUnavailable(send);
      await test.proxy.accept();
      await worksAgain();
    });
  });

  describe('is frozen', () => {
    it('every request is a 503 in time, and the event loop turns', async () => {
      test.proxy.freeze();
      const all = () => Promise.all(requests.map(([, send]) => isUnavailable(send)));
      expect(await maxEventLoopDelay(all)).toBeLessThan(250);
      test.proxy.thaw();
      await worksAgain();
      expect(await pollFor(test.serverConnections, isInPool)).toBeLessThanOrEqual(POOL_SIZE);
    });

    it('what waited and was given up is not sent when it goes on', async () => {
      test.proxy.freeze();
      const lookups = test.proxy.count(/SELECT.*knox_auth_token/);
      const flood = Array.from({ length: 20 }, () => isUnavailable(() => test.me(token)));
      await Promise.all(flood);
      test.proxy.thaw();
      await test.proxy.quiet(100);
      expect(lookups()).toBeLessThanOrEqual(POOL_SIZE);
      await worksAgain();
    });

    it('it works again though the connections made meanwhile never hear of anyone', async () => {
      test.proxy.freeze();
      await Promise.all(requests.map(([, send]) => isUnavailable(send)));
      await Promise.all(requests.map(([, send]) => isUnavailable(send)));
      test.proxy.forsake();
      await pollFor(test.newToken, () => true);
      await worksAgain();
    });
  });

  describe('is slow', () => {
    it('requests that come in time are answered, the others are a 503', async () => {
      test.proxy.delay(20);
      expect((await test.me(token)).status).toBe(200);
      test.proxy.delay(AUTH_TIMEOUT_MS);
      await isUnavailable(() => test.me(token));
      test.proxy.delay(0);
      await worksAgain();
    });
  });

  describe('closes idle connections', () => {
    it('the next request works', async () => {
      await worksAgain();
      test.proxy.drop();
      await test.proxy.quiet(50);
      token = await test.newToken();
      await worksAgain();
    });
  });
});
