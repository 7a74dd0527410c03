import { expect, it } from '@jest/globals';
import { setTimeout as sleep } from 'node:timers/promises';
import { describeOnServers } from '../support/describe-on.ts';
import { startFaultyApp, type FaultyApp } from '../support/faulty-app.ts';

/** How long a message to the database, or from it, is under way, in milliseconds. */
const DELAY_MS = 500;
/** When the row expires, in milliseconds after the lookup is sent: after the read, before its answer arrives. */
const EXPIRES_MS = 800;

describeOnServers('a row that has expired by the time it arrives, on %s', (database) => {
  async function askedLate(meanwhile: (test: FaultyApp) => Promise<unknown>): Promise<number> {
    const knox = { autoRefresh: true, minRefreshInterval: 0, authTimeout: 4_000 };
    const test = await startFaultyApp({ database, knox });
    try {
      const token = await test.newToken();
      await test.me(token);
      test.proxy.delay(DELAY_MS);
      await expire(test, EXPIRES_MS);
      const answer = test.me(token);
      await sleep(DELAY_MS + 150);
      await meanwhile(test);
      return (await answer).status;
    } finally {
      await test.close();
    }
  }

  const expire = (test: FaultyApp, ms: number): Promise<unknown> =>
    test.direct.query(`UPDATE knox_auth_token SET expiry = ${String(Date.now() + ms)}`);

  it('is looked up again: another request may have refreshed it in time', async () => {
    expect(await askedLate((test) => expire(test, 60_000))).toBe(200);
  });

  it('is refused if none has refreshed it', async () => {
    expect(await askedLate(() => Promise.resolve())).toBe(401);
  });
});
