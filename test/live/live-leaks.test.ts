import { AsyncLocalStorage, createHook } from 'node:async_hooks';
import { getEventListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { AuthToken } from '../../lib/index.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { pollFor } from '../support/polling.ts';
import { SqlLog } from '../support/sql-log.ts';
import { INTERVAL_MS, liveOf, withLive } from './live-app.ts';

const COUNT = 10_000;

/** The timers that were set since, and neither fired nor cleared. */
class OpenTimers {
  readonly #open = new Set<number>();
  readonly #hook = createHook({
    init: (id, type) => {
      if (type === 'Timeout') this.#open.add(id);
    },
    destroy: (id) => this.#open.delete(id),
  });

  constructor() {
    this.#hook.enable();
  }

  get count(): number {
    return this.#open.size;
  }

  stop(): void {
    this.#hook.disable();
  }
}

describe('LiveTokens', () => {
  let test: TestApp;
  beforeAll(async () => {
    test = await startApp(withLive({}));
  });
  afterAll(() => test.close());

  /** Tokens of which each expires soon, so that each has a timer of its own. */
  async function tokens(): Promise<AuthToken[]> {
    const { authToken } = await test.tokens.create(test.john, { ttl: '10s' });
    return Array.from({ length: COUNT }, (_, index) =>
      Object.assign(test.rows.create(authToken), {
        digest: index.toString(16).padStart(128, '0'),
        expiry: new Date(Date.now() + INTERVAL_MS),
      }),
    );
  }

  it('keeps no timer, listener or token of 10,000 watches that were released', async () => {
    const watched = await tokens();
    const timers = new OpenTimers();
    try {
      const watches = watched.map((authToken) => liveOf(test).watch(authToken));
      expect(timers.count).toBeGreaterThanOrEqual(COUNT);
      for (const watch of watches) watch.release();
      // Not by a pause, which would be a timer too.
      for (let turn = 0; turn < 100 && timers.count > 0; turn++) await new Promise(setImmediate);
      expect(timers.count).toBe(0);
      for (const { signal } of watches) expect(getEventListeners(signal, 'abort')).toEqual([]);
      const sql = new SqlLog(test.dataSource);
      await sleep(3 * INTERVAL_MS);
      expect(sql.statements).toEqual([]);
      expect(watches.every(({ signal }) => !signal.aborted)).toBe(true);
    } finally {
      timers.stop();
    }
  });

  it('keeps no timer of 10,000 watches that were ended', async () => {
    const watched = await tokens();
    const timers = new OpenTimers();
    try {
      const watches = watched.map((authToken) => liveOf(test).watch(authToken));
      const left = await pollFor(
        () => watches.filter(({ signal }) => !signal.aborted).length,
        (count) => count === 0,
        20_000,
      );
      expect(left).toBe(0);
      for (const watch of watches) watch.release();
      // Those of the statements may take a while.
      expect(
        await pollFor(
          () => timers.count,
          (count) => count < 3,
          8_000,
        ),
      ).toBeLessThan(3);
    } finally {
      timers.stop();
    }
  });

  it('lets go of the async context in which a token is watched', async () => {
    const { authToken } = await test.tokens.create(test.john);
    const storage = new AsyncLocalStorage<object>();
    const context = new WeakRef({});
    let watch!: ReturnType<ReturnType<typeof liveOf>['watch']>;
    storage.run(context.deref()!, () => (watch = liveOf(test).watch(authToken)));
    const seen = new Promise((resolve) => {
      watch.signal.addEventListener('abort', () => {
        resolve(storage.getStore());
      });
    });
    await test.rows.delete({ digest: authToken.digest });
    expect(await seen).toBeUndefined();
  });
});
