import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { ERRORS } from '../support/errors.ts';
import { eventually } from '../support/eventually.ts';
import {
  describeOnServers,
  POOL_SIZE,
  startFaultyApp,
  type FaultyApp,
} from '../support/faulty-app.ts';

/** How many may wait for a connection, and how many for a user's turn. */
const LONGEST_LINE = 10_000;
const LONGEST_OWNER_LINE = 1_000;

describeOnServers('more requests than %s can answer', (database) => {
  let test: FaultyApp;
  let token: string;
  beforeAll(async () => {
    test = await startFaultyApp({ database, knox: { authTimeout: '1s', tokenLimitPerUser: 3 } });
    token = await test.newToken();
  });
  afterAll(() => test.close());
  afterEach(() => test.proxy.thaw());

  /** Sends so many, and one more; none of the former may be settled when the latter is. */
  const overflow = async (count: number, send: () => Promise<unknown>) => {
    let settled = 0;
    const waiting = Array.from({ length: count }, () =>
      send().then(
        () => Promise.reject(new Error('It was answered.')),
        () => settled++,
      ),
    );
    await expect(send()).rejects.toMatchObject({ status: 503, response: ERRORS.unavailable });
    expect(settled).toBe(0);
    expect(test.log.errors.at(-1)).toBe(
      'Authentication is unavailable: Too many requests are waiting for the database.',
    );
    return Promise.all(waiting);
  };

  it('wait in a line of bounded length; who comes later is turned away at once', async () => {
    test.proxy.freeze();
    await overflow(POOL_SIZE + LONGEST_LINE, () => test.tokens.authenticate(token));
    test.proxy.thaw();
    expect((await test.me(token)).status).toBe(200);
  });

  it('of one user are bounded by themselves, and leave connections to the others', async () => {
    void test.proxy.holdAt(/INSERT/);
    const turnedAway = overflow(1 + LONGEST_OWNER_LINE, () => test.tokens.create(test.john));
    expect((await test.me(token)).status).toBe(200);
    await turnedAway;
    test.proxy.thaw();
    expect(await eventually(test.rows, (rows) => rows === 1)).toBe(1);
  });
});
