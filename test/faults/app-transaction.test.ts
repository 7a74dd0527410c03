import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { describeOnServers } from '../support/describe-on.ts';
import { AUTH_TIMEOUT_MS, startFaultyApp, type FaultyApp } from '../support/faulty-app.ts';

/** 'made', or the status with which the token was refused. */
const outcomeOf = (creating: Promise<unknown>): Promise<unknown> =>
  creating.then(
    () => 'made',
    (error: unknown) => (error as { getStatus?: () => number }).getStatus?.() ?? error,
  );

describeOnServers('a token in the application’s transaction on %s', (database) => {
  let test: FaultyApp;
  beforeEach(async () => {
    test = await startFaultyApp({ database });
  });
  afterEach(() => test.close());

  it.each([true, false])(
    'is not made after it was given up (the transaction that it waited for commits: %s)',
    async (commits) => {
      const first = test.dataSource.createQueryRunner();
      await first.startTransaction();
      await test.tokens.create(test.john, { manager: first.manager, limit: 1 });
      // Waits for the owner's lock, which the first transaction holds.
      const second = test.dataSource.transaction((manager) =>
        test.tokens.create(test.john, { manager, limit: 1 }),
      );
      const outcome = outcomeOf(second);
      await sleep(AUTH_TIMEOUT_MS + 300);
      if (commits) await first.commitTransaction();
      else await first.rollbackTransaction();
      await first.release();
      expect(await outcome).toBe(503);
      await test.proxy.quiet(100);
      expect(await test.rows()).toBe(commits ? 1 : 0);
    },
  );

  it('is not left behind where the application commits after a 503', async () => {
    const holder = await test.lockingConnection();
    await holder.startTransaction();
    // The INSERT waits for its owner's row.
    await holder.query(`SELECT id FROM users WHERE id = ${String(test.john.id)} FOR UPDATE`);
    const outcomes: unknown[] = [];
    const committing = test.dataSource.transaction(async (manager) => {
      outcomes.push(await outcomeOf(test.tokens.create(test.john, { manager, limit: null })));
    });
    await sleep(AUTH_TIMEOUT_MS + 300);
    expect(outcomes).toEqual([503]);
    await holder.commitTransaction();
    await committing;
    expect(await test.rows()).toBe(0);
  });
});
