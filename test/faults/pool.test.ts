import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import type { QueryRunner } from 'typeorm';
import { AuthToken } from '../../lib/index.ts';
import { freezeTime, thawTime } from '../support/clock.ts';
import { ERRORS } from '../support/errors.ts';
import { eventually } from '../support/eventually.ts';
import {
  describeOnServers,
  POOL_SIZE,
  startFaultyApp,
  type FaultyApp,
} from '../support/faulty-app.ts';

const HOUR = 3_600_000;

describeOnServers('the pool of %s', (database) => {
  let test: FaultyApp;
  let token: string;
  let held: QueryRunner[] = [];
  beforeAll(async () => {
    test = await startFaultyApp({ database });
    token = await test.newToken();
  });
  afterAll(() => test.close());
  const letGo = async () => {
    for (const runner of held.splice(0)) {
      await runner.rollbackTransaction();
      await runner.release();
    }
  };
  afterEach(letGo);

  /** Transactions of the application's own that take long. */
  const holdConnections = async (count: number, { dataSource }: FaultyApp = test) => {
    held = Array.from({ length: count }, () => dataSource.createQueryRunner());
    for (const runner of held) await runner.startTransaction();
  };

  it('is shared with the application: one free connection is enough', async () => {
    await holdConnections(POOL_SIZE - 1);
    const answers = await Promise.all(Array.from({ length: 20 }, () => test.me(token)));
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  });

  it('may be exhausted by the application: 503, until a connection is free', async () => {
    await holdConnections(POOL_SIZE);
    const lookups = test.proxy.count(/SELECT/);
    const answers = await Promise.all([
      ...Array.from({ length: 10 }, () => test.me(token)),
      test.login(),
      test.client.post('/auth/logoutall', { token }),
    ]);
    expect(answers.map(({ body }) => body)).toEqual(answers.map(() => ERRORS.unavailable));
    await letGo();
    await test.proxy.quiet(50);
    expect(lookups()).toBe(0);
    expect((await test.me(token)).status).toBe(200);
    expect((await test.login()).status).toBe(200);
    expect(await test.serverConnections()).toBeLessThanOrEqual(POOL_SIZE);
  });

  it('may keep a refresh waiting until the token has run out: then it stays run out', async () => {
    const start = Date.UTC(2026, 10, 25);
    freezeTime(start);
    let isWaiting: (() => void) | undefined;
    const waiting = new Promise<void>((resolve) => (isWaiting = resolve));
    const refreshing = await startFaultyApp({
      database,
      knox: {
        tokenTtl: '1h',
        autoRefresh: true,
        minRefreshInterval: 0,
        isUserActive: async () => {
          if (Date.now() === start) return true;
          await holdConnections(POOL_SIZE, refreshing);
          setImmediate(() => isWaiting!());
          return true;
        },
      },
    });
    try {
      const raw = await refreshing.newToken();
      freezeTime(start + HOUR - 1);
      const answer = refreshing.me(raw);
      await waiting;
      // A login that counts in this moment counts it no more.
      freezeTime(start + HOUR);
      await letGo();
      expect((await answer).status).toBe(200);
      const [row] = await refreshing.direct.getRepository(AuthToken).find();
      expect(row!.expiry!.getTime()).toBe(start + HOUR);
    } finally {
      thawTime();
      await letGo();
      await refreshing.close();
    }
  });

  it('has no connection left when the application has closed', async () => {
    const closing = await startFaultyApp({ database });
    await Promise.all(Array.from({ length: 10 }, () => closing.login()));
    expect(await closing.serverConnections()).toBe(POOL_SIZE);
    await closing.app.close();
    expect(await eventually(closing.serverConnections, (count) => count === 0)).toBe(0);
    await closing.close();
  });
});
