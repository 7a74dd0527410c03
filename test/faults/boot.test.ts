import { afterEach, expect, it } from '@jest/globals';
import { describeOnServers } from '../support/describe-on.ts';
import { ERRORS } from '../support/errors.ts';
import { pollFor } from '../support/polling.ts';
import { startFaultyApp, type FaultyApp } from '../support/faulty-app.ts';
import type { Proxy } from '../support/proxy.ts';

describeOnServers('an application that starts while %s is down', (database) => {
  let test: FaultyApp;
  afterEach(() => test.close());

  const statuses = async (): Promise<unknown[]> => {
    const answers = await Promise.all([test.me('0'.repeat(64)), test.login()]);
    return answers.map(({ body }) => body.code ?? 'fine');
  };

  it('answers 503 until its data source is initialized, with manualInitialization', async () => {
    test = await startFaultyApp({
      database,
      dataSource: { manualInitialization: true },
      prepare: (proxy) => proxy.refuse(),
    });
    expect((await test.login()).body).toEqual(ERRORS.unavailable);
    expect(test.log.errors).toEqual([
      'Authentication is unavailable: The data source is not initialized.',
    ]);
    await expect(test.dataSource.initialize()).rejects.toMatchObject({ code: 'ECONNREFUSED' });
    expect(await statuses()).toEqual(['unavailable', 'unavailable']);

    await test.proxy.accept();
    await test.dataSource.initialize();
    expect(await statuses()).toEqual(['invalid_token', 'fine']);
  });

  it('starts once it is up, with TypeORM’s own retry', async () => {
    let down: Proxy | undefined;
    const starting = startFaultyApp({
      database,
      dataSource: { retryAttempts: 100, retryDelay: 20 },
      prepare: (proxy) => {
        down = proxy;
        proxy.rejectAll(true);
      },
    });
    await pollFor(
      () => down?.attempts ?? 0,
      (attempts) => attempts >= 2,
    );
    down!.rejectAll(false);
    test = await starting;
    expect(down!.attempts).toBeGreaterThanOrEqual(3);
    expect(await statuses()).toEqual(['invalid_token', 'fine']);
  });
});
