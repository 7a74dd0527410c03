import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it, jest } from '@jest/globals';
import { KnoxUnavailableException, type AuthToken } from '../../lib/index.ts';
import { KnoxLiveModule, type TokenWatch } from '../../lib/live/index.ts';
import { endOf, liveOf } from '../live/live-app.ts';
import { describeOnServers } from '../support/describe-on.ts';
import {
  AUTH_TIMEOUT_MS,
  startFaultyApp,
  TOLERANCE_MS,
  type FaultyApp,
} from '../support/faulty-app.ts';
import type { Proxy } from '../support/proxy.ts';

jest.setTimeout(60_000);

const INTERVAL_MS = 200;
const FAIL_AFTER_MS = 3_000;

describeOnServers('a watched token, on %s,', (database) => {
  let test: FaultyApp;
  const watches: TokenWatch[] = [];
  beforeAll(async () => {
    const connectTimeout = AUTH_TIMEOUT_MS / 2;
    test = await startFaultyApp({
      database,
      imports: [KnoxLiveModule.forRoot({ interval: INTERVAL_MS, failAfter: FAIL_AFTER_MS })],
      dataSource: { connectTimeoutMS: connectTimeout, connectTimeout },
    });
  });
  afterEach(async () => {
    for (const watch of watches.splice(0)) watch.release();
    test.proxy.thaw();
    await test.proxy.accept();
  });
  afterAll(() => test.close());

  const revoke = ({ digest }: AuthToken) =>
    test.direct.query(`DELETE FROM knox_auth_token WHERE digest = '${digest}'`);

  /** A token of which the database has said that it is good. */
  async function watched(): Promise<{ watch: TokenWatch; authToken: AuthToken }> {
    const { authToken } = await test.tokens.create(test.john);
    const watch = liveOf(test).watch(authToken);
    watches.push(watch);
    await sleep(3 * INTERVAL_MS);
    expect(watch.signal.aborted).toBe(false);
    return { watch, authToken };
  }

  const SILENCES: [string, (proxy: Proxy) => void][] = [
    ['is down', (proxy) => proxy.shutDown()],
    ['is frozen', (proxy) => proxy.freeze()],
  ];

  it.each(SILENCES)(
    'is neither revoked nor kept for ever while the database %s: it ends after failAfter',
    async (_, silence) => {
      const { watch } = await watched();
      silence(test.proxy);
      const began = performance.now();
      expect(await endOf(watch, FAIL_AFTER_MS + TOLERANCE_MS)).toBe('unavailable');
      const took = performance.now() - began;
      expect(watch.signal.reason).toBeInstanceOf(KnoxUnavailableException);
      expect(watch.signal.reason.cause.message).toMatch(/./);
      expect(took).toBeGreaterThan(FAIL_AFTER_MS - 2 * INTERVAL_MS - 50);
      expect(took).toBeLessThan(FAIL_AFTER_MS + TOLERANCE_MS);
    },
  );

  it.each(SILENCES)(
    'goes on if the database answers again in time, and what was revoked meanwhile ends: it %s',
    async (_, silence) => {
      const { watch } = await watched();
      const other = await watched();
      silence(test.proxy);
      await sleep(FAIL_AFTER_MS / 3);
      await revoke(other.authToken);
      test.proxy.thaw();
      await test.proxy.accept();
      expect(await endOf(other.watch)).toBe('invalid_token');
      await sleep(FAIL_AFTER_MS);
      expect(watch.signal.aborted).toBe(false);
    },
  );

  it('ends within five seconds of its revocation if a connection is lost without a word', async () => {
    const { watch, authToken } = await watched();
    test.proxy.freeze();
    await sleep(2 * INTERVAL_MS);
    test.proxy.forsake();
    await revoke(authToken);
    expect(await endOf(watch)).toBe('invalid_token');
  });

  it('logs an outage, and no digest', async () => {
    const { watch, authToken } = await watched();
    test.log.lines.length = 0;
    test.proxy.shutDown();
    await endOf(watch, FAIL_AFTER_MS + TOLERANCE_MS);
    expect(test.log.errors.length).toBeGreaterThan(0);
    expect(test.log.errors.length).toBeLessThan(FAIL_AFTER_MS / INTERVAL_MS + 2);
    expect(test.log.text).not.toContain(authToken.digest);
  });
});
