import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { PASSWORD } from '../support/app.ts';
import { AppProcess } from '../support/app-process.ts';
import { DATABASES } from '../support/databases.ts';
import type { HttpClient } from '../support/http-client.ts';
import { endOf, NOTICED_MS, startLiveApp, type LiveApp } from './live-app.ts';

jest.setTimeout(90_000);

const COUNT = 30;

describe.each(DATABASES)('on %s, where another process ends tokens,', (database) => {
  let test: LiveApp;
  let other: AppProcess;
  let client: HttpClient;
  beforeAll(async () => {
    // The defaults.
    test = await startLiveApp({ database }, {});
    other = new AppProcess();
    // As JSON can hold it.
    const options = Object.entries(test.dataSource.options).filter(
      ([name]) => name !== 'entities' && name !== 'logger',
    );
    client = await other.serve({
      database: { ...(Object.fromEntries(options) as any), synchronize: false },
      hasSessions: true,
      password: PASSWORD,
    });
  });
  afterAll(async () => {
    await other.kill();
    await test.close();
  });

  it('a connection outlives its token by at most five seconds', async () => {
    const issued = await Promise.all(
      Array.from({ length: COUNT }, () => test.tokens.create(test.john)),
    );
    const watches = issued.map(({ authToken }) => test.live.watch(authToken));
    const kept = test.live.watch((await test.tokens.create(test.john)).authToken);
    const delays = await Promise.all(
      issued.map(async ({ token }, index) => {
        const { status } = await client.post('/auth/logout', { token });
        expect(status).toBe(204);
        const committedAt = performance.now();
        expect(await endOf(watches[index]!)).toBe('invalid_token');
        return performance.now() - committedAt;
      }),
    );
    expect(Math.max(...delays)).toBeLessThan(NOTICED_MS);
    expect(kept.signal.aborted).toBe(false);
    kept.release();
  });

  it('a token that it refreshes goes on past its old expiry', async () => {
    const { token, authToken } = await test.tokens.create(test.john, { ttl: 1_000 });
    const watch = test.live.watch(authToken);
    await test.rows.update({ digest: authToken.digest }, { expiry: new Date(Date.now() + 60_000) });
    // It expires before it would be asked for, were it not for its timer.
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    expect(watch.signal.aborted).toBe(false);
    await client.post('/auth/logout', { token });
    expect(await endOf(watch)).toBe('invalid_token');
  });
});
