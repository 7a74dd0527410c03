import { expect, it } from '@jest/globals';
import { AuthToken } from '../../lib/index.ts';
import { freezeTime, restoreTime } from '../support/clock.ts';
import { describeOnServers } from '../support/describe-on.ts';
import { pollFor } from '../support/polling.ts';
import { startFaultyApp } from '../support/faulty-app.ts';
import { COMMIT } from '../support/proxy.ts';

const HOUR = 3_600_000;

describeOnServers('the connections of the package to %s', (database) => {
  it('may keep a refresh waiting until the token has run out: then it stays run out', async () => {
    const start = Date.UTC(2026, 10, 25);
    freezeTime(start);
    let isWaiting = (): void => undefined;
    const waiting = new Promise<void>((resolve) => (isWaiting = resolve));
    let pruning: Promise<unknown> | undefined;
    const test = await startFaultyApp({
      database,
      knox: {
        connections: 1,
        tokenTtl: '1h',
        autoRefresh: true,
        minRefreshInterval: 0,
        isUserActive: async () => {
          if (Date.now() === start) return true;
          const atCommit = test.proxy.holdAt(COMMIT);
          pruning = test.tokens.deleteExpired();
          await atCommit;
          setImmediate(isWaiting);
          return true;
        },
      },
    });
    try {
      const raw = await test.newToken();
      freezeTime(start + HOUR - 1);
      const answer = test.me(raw);
      await waiting;
      // The token has expired, so a login does not count it any more.
      freezeTime(start + HOUR);
      test.proxy.thaw();
      expect((await answer).status).toBe(200);
      await pruning;
      const [row] = await test.direct.getRepository(AuthToken).find();
      expect(row!.expiry!.getTime()).toBe(start + HOUR);
    } finally {
      restoreTime();
      await test.close();
    }
  });

  it('are closed when the application has closed, and its own too', async () => {
    const test = await startFaultyApp({ database });
    const own = await test.serverConnections();
    await Promise.all(Array.from({ length: 10 }, () => test.login()));
    expect(await test.serverConnections()).toBeGreaterThan(own);
    await test.app.close();
    expect(await pollFor(test.serverConnections, (count) => count === 0)).toBe(0);
    await test.close();
  });
});
