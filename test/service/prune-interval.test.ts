import { setTimeout as sleep } from 'node:timers/promises';
import { EventEmitter2, EventEmitterModule } from '@nestjs/event-emitter';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Logger, type INestApplication } from '@nestjs/common';
import type { Repository } from 'typeorm';
import { Operation } from '../../lib/async/operation.ts';
import { openDatabase } from '../../lib/database/open-database.ts';
import { sql } from '../../lib/database/sql.ts';
import { TokenExpiredEvent, type AuthToken } from '../../lib/index.ts';
import { TokenStore } from '../../lib/store/token.store.ts';
import { startApp, type TestApp, type TestAppOptions } from '../support/app.ts';
import { freezeTime, restoreTime } from '../support/clock.ts';
import { DATABASES, type DatabaseName } from '../support/databases.ts';
import { describeOnServers } from '../support/describe-on.ts';
import { lockTokens } from '../support/lock-tokens.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import { pollFor, pollUntil } from '../support/polling.ts';
import { SqlLog } from '../support/sql-log.ts';
import type { User } from '../support/users.ts';

const INTERVAL_MS = 200;
const HOUR_MS = 3_600_000;

/** Whether this statement asks for expired tokens of all users; not the one for those that no Date can hold. */
const isPrune = (text: string) =>
  /^SELECT .* <= .* LIMIT (?:50|500)\b/.test(text) && !text.includes('user_id');

describe.each(DATABASES)('pruneInterval on %s', (database) => {
  let test: TestApp;
  let log: LogRecorder;
  let counts: number[];
  const start = async (knox: TestAppOptions['knox']) => {
    log = new LogRecorder();
    counts = [];
    const configure = (app: INestApplication) => {
      app.useLogger(log);
      app
        .get(EventEmitter2)
        .on(TokenExpiredEvent.eventName, (event: TokenExpiredEvent) => counts.push(event.count));
    };
    test = await startApp({ database, knox, configure, imports: [EventEmitterModule.forRoot()] });
  };
  afterEach(async () => {
    restoreTime();
    await test.close();
    Logger.overrideLogger(false);
  });
  const batch = database === 'sqlite' ? 50 : 500;
  const rows = () => test.rows.count();
  const sum = () => counts.reduce((total, count) => total + count, 0);

  it('deletes everybody’s expired tokens, and no others', async () => {
    await start({ pruneInterval: INTERVAL_MS });
    const kept = await test.tokens.create(test.john);
    await fill(test.rows, test.john, 1_203, 'a');
    await fill(test.rows, test.jane, 2, 'b');
    await pollUntil(1, rows);
    await pollUntil(1_205, () => Promise.resolve(sum()));
    expect(Math.max(...counts)).toBeLessThanOrEqual(500);
    expect((await test.tokens.authenticate(kept.token)).user).toEqual(test.john);
    // And again.
    await fill(test.rows, test.jane, 3, 'c');
    await pollUntil(1, rows);
    expect(log.errors).toEqual([]);
  });

  it('begins with a pause, and then keeps to the interval, give or take a tenth', async () => {
    await start({ pruneInterval: INTERVAL_MS });
    const prunes: number[] = [performance.now()];
    const sent = new SqlLog(test.dataSource);
    sent.logQuery = (text) => {
      if (isPrune(text)) prunes.push(performance.now());
    };
    await pollFor(
      () => prunes.length,
      (total) => total > 5,
    );
    const pauses = prunes.slice(2).map((at, index) => at - prunes[index + 1]!);
    expect(pauses.length).toBeGreaterThanOrEqual(4);
    // A timer may fire a millisecond early.
    expect(Math.min(...pauses)).toBeGreaterThan(INTERVAL_MS * 0.9 - 2);
  });

  it('prunes on no request', async () => {
    await start({ pruneInterval: '1h' });
    await fill(test.rows, test.jane, 2, 'a');
    const sent = new SqlLog(test.dataSource);
    const token = await test.login();
    await test.client.get('/me', { token });
    await test.client.get('/me', { token: '0'.repeat(64) });
    await test.client.post('/auth/logout', { token });
    await test.client.post('/auth/logoutall', { token: await test.login() });
    await sleep(100);
    expect(await rows()).toBe(2);
    expect(sent.statements.filter(isPrune)).toEqual([]);
  });

  it('never prunes by default', async () => {
    await start({});
    const sent = new SqlLog(test.dataSource);
    await sleep(2 * INTERVAL_MS);
    expect(sent.statements).toEqual([]);
  });

  it('logs a prune that fails, and prunes again', async () => {
    await start({ pruneInterval: INTERVAL_MS });
    await test.dataSource.query('ALTER TABLE knox_auth_token RENAME TO elsewhere');
    await pollFor(
      () => log.errors.length,
      (total) => total > 1,
    );
    await test.dataSource.query('ALTER TABLE elsewhere RENAME TO knox_auth_token');
    expect(log.errors[0]).toMatch(/^Expired tokens could not be pruned: /);
    await fill(test.rows, test.jane, 2, 'a');
    await pollUntil(0, rows);
  });

  it('waits for the batch that is deleted while the application closes, and begins no other', async () => {
    await start({ pruneInterval: INTERVAL_MS });
    await fill(test.rows, test.john, 1_203, 'a', Date.now() + HOUR_MS);
    const unlock = await lockTokens(database, test.dataSource);
    // Now they are expired, and whoever asks for them waits.
    freezeTime(Date.now() + 2 * HOUR_MS);
    await sleep(2 * INTERVAL_MS);
    let isClosed = false;
    const closing = test.app.close().then(() => (isClosed = true));
    await sleep(100);
    expect(isClosed).toBe(false);
    await unlock();
    await closing;
    await test.dataSource.initialize();
    const left = await rows();
    // The prune that met the lock may have begun before they were expired.
    expect([1_203 - batch, 1_203]).toContain(left);
    expect(1_203 - left).toBe(sum());
    await sleep(2 * INTERVAL_MS);
    expect(await rows()).toBe(left);
    expect(log.errors).toEqual([]);
  });
});

describeOnServers('prunes of several processes on %s', (database) => {
  let test: TestApp;
  afterEach(() => test.close());
  const SLOW: Partial<Record<DatabaseName, string>> = {
    postgres: 'SELECT pg_sleep(1)',
    mariadb: 'SELECT SLEEP(1)',
  };
  const op = (ms = 5_000) => Operation.within(ms);

  it.each([
    ['commits', 'SELECT 1', 5_000],
    ['fails', 'SELECT nothing', 5_000],
    ['is given up', 'SELECT 1', 700],
  ])('go one after another, also after one that %s', async (_, last, ms) => {
    test = await startApp({ database });
    await fill(test.rows, test.john, 3, 'a');
    const store = test.app.get(TokenStore);
    const settings = { connections: 2, timeoutMs: 5_000 };
    const other = openDatabase(test.dataSource, settings);
    // Its connection is open now.
    await store.prune(0, op());
    let isHolding = false;
    const holding = other
      .transactionAlone('nestjs-knox:prune:knox_auth_token', op(ms), function* () {
        isHolding = true;
        yield sql.raw(SLOW[database]!);
        yield sql.raw(last);
        return true;
      })
      .catch((error: unknown) => error);
    await pollUntil(true, () => Promise.resolve(isHolding));
    expect(await store.prune(Date.now(), op())).toBeNull();
    expect(await test.rows.count()).toBe(3);
    await holding;
    const batch = await pollFor(
      () => store.prune(Date.now(), op()),
      (found) => found !== null,
    );
    expect(batch).toEqual({ deleted: 3, isFull: false });
    await other.close();
  });

  it('of other databases do not wait for one another', async () => {
    test = await startApp({ database });
    const elsewhere = await startApp({ database });
    const other = openDatabase(elsewhere.dataSource, { connections: 1, timeoutMs: 5_000 });
    let isHolding = false;
    const holding = other.transactionAlone('nestjs-knox:prune:knox_auth_token', op(), function* () {
      isHolding = true;
      yield sql.raw(SLOW[database]!);
      return true;
    });
    await pollUntil(true, () => Promise.resolve(isHolding));
    expect(await test.app.get(TokenStore).prune(Date.now(), op())).not.toBeNull();
    expect(await holding).toBe(true);
    await other.close();
    await elsewhere.close();
  });
});

/** Inserts tokens that have expired. Does not use the service, to be faster. */
async function fill(
  rows: Repository<AuthToken>,
  user: User,
  total: number,
  letter: string,
  expiry = 2,
): Promise<void> {
  const all = Array.from({ length: total }, (_, index) => ({
    digest: letter + index.toString(16).padStart(127, '0'),
    tokenKey: 'filled',
    user,
    created: new Date(1),
    expiry: new Date(expiry),
    ttl: null,
  }));
  await rows.insert(all);
}
