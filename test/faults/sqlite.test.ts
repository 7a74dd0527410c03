import { fork, type ChildProcess } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { TypeOrmModuleOptions } from '@nestjs/typeorm';
import { AuthToken, type TokenService } from '../../lib/index.ts';
import { ERRORS } from '../support/errors.ts';
import {
  AUTH_TIMEOUT_MS,
  TOLERANCE_MS,
  startFaultyApp,
  type FaultyApp,
} from '../support/faulty-app.ts';
import type { Answer } from '../support/http-client.ts';
import { maxEventLoopDelay } from '../support/event-loop-delay.ts';
import type { User } from '../support/users.ts';

/** The part of a better-sqlite3 connection that is used here. */
interface Connection {
  exec(sql: string): unknown;
  prepare(sql: string): unknown;
  pragma(source: string, options?: { simple: boolean }): unknown;
}

describe('an SQLite file', () => {
  let test: FaultyApp;
  let locker: ChildProcess | undefined;
  afterEach(async () => {
    await unlock();
    await test.close();
  });

  /** Locks the file in another process. */
  const lock = async (path = String(test.dataSource.options.database)) => {
    locker = fork(new URL('../support/sqlite-locker.mjs', import.meta.url), [path], {
      execArgv: [],
    });
    await once(locker, 'message');
  };
  const unlock = async () => {
    if (!locker) return;
    const exited = once(locker, 'exit');
    locker.disconnect();
    locker = undefined;
    await exited;
  };
  const start = (dataSource: TypeOrmModuleOptions = {}) =>
    startFaultyApp({
      database: 'sqlite',
      dataSource,
      knox: { autoRefresh: true, tokenLimitPerUser: 100_000 },
    });
  const isUnavailable = async (sending: Promise<Answer>) => {
    const { status, body } = await sending;
    expect([status, body]).toEqual([503, ERRORS.unavailable]);
  };

  it.each([false, true])(
    'that another process has locked: 503 in time, and the event loop turns (WAL: %s)',
    async (enableWAL) => {
      test = await start({ enableWAL });
      const token = await test.newToken();
      await lock();
      const begin = performance.now();
      const lag = await maxEventLoopDelay(() =>
        Promise.all([
          isUnavailable(test.login()),
          isUnavailable(test.client.post('/auth/logout', { token })),
          isUnavailable(test.client.post('/auth/logoutall', { token })),
          enableWAL ? undefined : isUnavailable(test.me(token)),
        ]),
      );
      expect(performance.now() - begin).toBeLessThan(AUTH_TIMEOUT_MS + TOLERANCE_MS);
      expect(lag).toBeLessThan(250);
      await unlock();
      expect((await test.me(token)).status).toBe(200);
      expect((await test.login()).status).toBe(200);
    },
  );

  it.each([
    ['logins', (tokens: TokenService, user: User) => tokens.create(user)],
    ['logouts', (tokens: TokenService, user: User) => tokens.revokeAll(user)],
  ])(
    'that is locked while a thousand %s wait: only the first of them tries it',
    async (_, write) => {
      let tries = 0;
      const prepareDatabase = (connection: Connection) => {
        const exec = connection.exec.bind(connection);
        connection.exec = (sql) => {
          tries += Number(sql.startsWith('BEGIN'));
          return exec(sql);
        };
      };
      test = await start({ enableWAL: true, prepareDatabase });
      await lock();
      const writes = Array.from({ length: 1_000 }, () => write(test.tokens, test.john));
      const outcomes = Promise.allSettled(writes);
      expect(await maxEventLoopDelay(() => outcomes)).toBeLessThan(1_000);
      expect(new Set((await outcomes).map(({ status }) => status))).toEqual(new Set(['rejected']));
      expect(tries).toBeLessThan(writes.length / 2);
      expect(await test.rows()).toBe(0);
    },
  );

  it('that is locked while thousands of reads wait: a few of them try it', async () => {
    let tries = 0;
    const prepareDatabase = (connection: Connection) => {
      // Not even the schema of a locked file can be read.
      const prepare = connection.prepare.bind(connection);
      connection.prepare = (sql) => {
        tries += Number(sql.startsWith('SELECT'));
        return prepare(sql);
      };
    };
    test = await start({ prepareDatabase });
    await lock();
    const reads = Array.from({ length: 6_000 }, () => test.tokens.list(test.john));
    const outcomes = await Promise.allSettled(reads);
    expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set(['rejected']));
    expect(tries).toBeGreaterThan(0);
    expect(tries).toBeLessThan(reads.length);
  });

  it('that is unlocked while hundreds of logins wait: all go on', async () => {
    test = await start({ enableWAL: true });
    await lock();
    const logins = Array.from({ length: 200 }, () => test.tokens.create(test.john));
    const all = Promise.all(logins);
    await sleep(AUTH_TIMEOUT_MS / 4);
    await unlock();
    await all;
    expect(await test.rows()).toBe(200);
  });

  it('that is locked when the first request of all comes: the event loop turns', async () => {
    test = await start({ enableWAL: true });
    await lock();
    const lag = await maxEventLoopDelay(() => isUnavailable(test.login()));
    expect(lag).toBeLessThan(250);
    await unlock();
    expect((await test.login()).status).toBe(200);
  });

  it('that is read-only: lookups work, a refresh that is due is let be, the rest is 503', async () => {
    test = await start({ readonly: true });
    const token = '0'.repeat(64);
    const soon = new Date(Date.now() + 60_000);
    await insertToken(test, token, soon);
    const me = await test.me(token);
    expect([me.status, me.body.expiry]).toEqual([200, soon.toISOString()]);
    expect(test.log.errors).toEqual([
      'A token could not be refreshed: attempt to write a readonly database',
    ]);
    await isUnavailable(test.login());
    await isUnavailable(test.client.post('/auth/logout', { token }));
    await isUnavailable(test.client.post('/auth/logoutall', { token }));
    expect((await test.me(token)).status).toBe(200);
  });

  it('that cannot grow: a login is 503, lookups and logouts work, and it recovers', async () => {
    const connections: Connection[] = [];
    const prepareDatabase = (connection: Connection) => {
      connections.push(connection);
      // The limit is the present size, so the file is full when its last page is.
      connection.pragma('max_page_count = 1');
    };
    test = await start({ prepareDatabase });
    const tokens: string[] = [];
    let answer = await test.login();
    while (answer.status === 200) {
      tokens.push(answer.body.token as string);
      answer = await test.login();
    }
    expect([answer.status, answer.body]).toEqual([503, ERRORS.unavailable]);
    expect(await test.rows()).toBe(tokens.length);
    expect((await test.me(tokens[0]!)).status).toBe(200);
    expect((await test.client.post('/auth/logout', { token: tokens[0]! })).status).toBe(204);
    expect((await test.me(tokens[0]!)).body).toEqual(ERRORS.invalidToken);
    for (const connection of connections) connection.pragma('max_page_count = 100000');
    expect((await test.login()).status).toBe(200);
  });
});

/** Reads without the application, whose connections may not write. */
async function insertToken(
  { direct, john }: FaultyApp,
  token: string,
  expiry: Date,
): Promise<void> {
  await direct.getRepository(AuthToken).insert({
    digest: createHash('sha512').update(token).digest('hex'),
    tokenKey: token.slice(0, 15),
    user: john,
    created: new Date(),
    expiry,
    ttl: null,
  });
}
