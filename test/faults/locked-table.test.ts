import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { describeOnServers } from '../support/describe-on.ts';
import { ERRORS } from '../support/errors.ts';
import { pollFor } from '../support/polling.ts';
import { POOL_SIZE, startFaultyApp, type FaultyApp } from '../support/faulty-app.ts';
import { lockTokens } from '../support/lock-tokens.ts';

describeOnServers('a table of %s that is locked for long', (database) => {
  let test: FaultyApp;
  beforeAll(async () => {
    test = await startFaultyApp({ database, knox: { authTimeout: 150 } });
  });
  afterAll(() => test.close());

  it('does not make waiting connections pile up', async () => {
    const token = await test.newToken();
    const unlock = await lockTokens(database, test.direct);
    try {
      for (let round = 0; round < 4; round++) {
        const sent = Array.from({ length: 2 * POOL_SIZE }, () => test.me(token));
        for (const { body } of await Promise.all(sent)) expect(body).toEqual(ERRORS.unavailable);
      }
      // One of them holds the lock.
      const isBounded = (count: number) => count <= POOL_SIZE + 1;
      expect(await pollFor(test.serverConnections, isBounded)).toBeLessThanOrEqual(POOL_SIZE + 1);
    } finally {
      await unlock();
    }
    await test.proxy.quiet(50);
    expect((await test.me(token)).status).toBe(200);
  });
});
