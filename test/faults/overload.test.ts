import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { describeOnServers } from '../support/describe-on.ts';
import { ERRORS } from '../support/errors.ts';
import { pollFor } from '../support/polling.ts';
import { POOL_SIZE, startFaultyApp, type FaultyApp } from '../support/faulty-app.ts';
import type { Answer } from '../support/http-client.ts';
import { User } from '../support/users.ts';
import { createExpired } from '../support/expired-token.ts';

const newUser = (username: string): User =>
  Object.assign(new User(), { username, password: '', isActive: true });

/** How many lookups may wait, and how many requests of one user. */
const LONGEST_LINE = 10_000;
const LONGEST_OWNER_LINE = 1_000;

describeOnServers('more requests than %s can answer', (database) => {
  let test: FaultyApp;
  let token: string;
  beforeAll(async () => {
    test = await startFaultyApp({ database, knox: { authTimeout: '2s', tokenLimitPerUser: 3 } });
    token = await test.newToken();
  });
  afterAll(() => test.close());
  afterEach(() => test.proxy.thaw());

  /** Sends `count` requests and one more, which must be refused before any of the others is answered. */
  const overflow = async (count: number, send: () => Promise<unknown>) => {
    let settled = 0;
    const waiting = Array.from({ length: count }, () => send().finally(() => settled++));
    const all = Promise.allSettled(waiting);
    await expect(send()).rejects.toMatchObject({ status: 503, response: ERRORS.unavailable });
    expect(settled).toBe(0);
    expect(test.log.errors.at(-1)).toBe(
      'Authentication is unavailable: Too many requests are waiting for the database.',
    );
    return all;
  };

  it('wait in a line of bounded length; further ones are refused at once', async () => {
    test.proxy.freeze();
    const outcomes = await overflow(LONGEST_LINE, () => test.tokens.authenticate(token));
    expect(new Set(outcomes.map(({ status }) => status))).toEqual(new Set(['rejected']));
    test.proxy.thaw();
    expect((await test.me(token)).status).toBe(200);
  });

  it('of many users that write: a lookup waits for a few of them, and the last are served', async () => {
    const users = await test.direct
      .getRepository(User)
      .save(Array.from({ length: 300 }, (_, index) => newUser(`user-${String(index)}`)));
    test.proxy.delay(20);
    let created = 0;
    // A second before the lookup, and more writes than there is time for.
    const creating = users.map((user) => test.tokens.create(user).then(() => created++));
    const outcomes = Promise.allSettled(creating);
    await sleep(1_000);
    expect((await test.me(token)).status).toBe(200);
    expect(created).toBeLessThan(users.length / 2);
    // The last to come is served first: it has the most time left.
    const late = users.slice(0, POOL_SIZE).map((user) => test.tokens.create(user));
    await Promise.all(late);
    await outcomes;
    test.proxy.delay(0);
    expect(created).toBeGreaterThan(0);
    expect(created).toBeLessThan(users.length);
    expect(await pollFor(test.rows, (rows) => rows === 1 + created + late.length)).toBe(
      1 + created + late.length,
    );
    await test.direct.getRepository(User).remove(users);
  });

  it("of one user that read, without an end: no one else's lookup waits for them", async () => {
    test.proxy.delay(10);
    const answers: Answer[] = [];
    const reads: Promise<unknown>[] = [];
    // More reads than connections, and for longer than a request waits.
    const read = () =>
      reads.push(Promise.allSettled([1, 2].map(() => test.tokens.list(test.john))));
    const flood = setInterval(read, 5);
    for (const end = performance.now() + 3_000; performance.now() < end;) {
      answers.push(await test.me(token));
    }
    clearInterval(flood);
    test.proxy.delay(0);
    await Promise.all(reads);
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
  });

  it.each([3, null])(
    'of one user are bounded by themselves, and leave connections to the others (limit: %s)',
    async (limit) => {
      const atInsert = test.proxy.holdAt(/INSERT/);
      const creating = test.tokens.create(test.john, { limit });
      const failing = expect(creating).rejects.toMatchObject({ response: ERRORS.unavailable });
      await atInsert;
      const turnedAway = overflow(LONGEST_OWNER_LINE, () =>
        test.tokens.revokeAll(test.john, { except: token }),
      );
      expect((await test.me(token)).status).toBe(200);
      await Promise.all([turnedAway, failing]);
      test.proxy.thaw();
      expect(await pollFor(test.rows, (rows) => rows === 1)).toBe(1);
    },
  );

  it('of one user with expired tokens delete them one after the other', async () => {
    const expired = await Promise.all(
      Array.from({ length: 2 * POOL_SIZE }, () =>
        createExpired(test.tokens, test.john, { limit: null }),
      ),
    );
    const deletions = test.proxy.count(/SKIP LOCKED/);
    const held = test.proxy.holdAt(/SKIP LOCKED/);
    const refused = Promise.all(expired.map((issued) => test.me(issued.token)));
    await held;
    expect((await test.me(token)).status).toBe(200);
    await test.proxy.quiet(100);
    expect(deletions()).toBe(1);
    test.proxy.thaw();
    const answers = await refused;
    expect(answers.map(({ body }) => body)).toEqual(answers.map(() => ERRORS.invalidToken));
    expect(await pollFor(test.rows, (rows) => rows === 1)).toBe(1);
  });
});
