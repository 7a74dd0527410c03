import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { PASSWORD, startApp, type TestApp } from '../support/app.ts';
import { DATABASES } from '../support/databases.ts';
import { ERRORS } from '../support/errors.ts';
import { createExpired } from '../support/expired-token.ts';
import { LogRecorder } from '../support/log-recorder.ts';

const LIMIT = 5;

describe.each(DATABASES)('parallel logins on %s', (database) => {
  let test: TestApp;
  /** Says why a login was a 503, where one was. */
  const logs = new LogRecorder();
  beforeAll(async () => {
    test = await startApp({
      database,
      knox: { tokenLimitPerUser: LIMIT },
      configure: (app) => app.useLogger(logs),
    });
  });
  afterAll(() => test.close());
  afterEach(() => test.rows.deleteAll());

  const inParallel = <T>(count: number, work: (index: number) => Promise<T>) =>
    Promise.all(Array.from({ length: count }, (_, index) => work(index)));
  const logIn = (username: string) =>
    test.client.post('/auth/login', { body: { username, password: PASSWORD } });
  const tally = (statuses: number[]) =>
    Object.fromEntries(
      [...new Set(statuses)].map((status) => [status, statuses.filter((s) => s === status).length]),
    );
  const johns = () => test.rows.countBy({ user: { id: test.john.id } });

  it.each([1, 2])('give one user exactly as many tokens as the limit, round %i', async () => {
    await inParallel(3, () => createExpired(test.tokens, test.john, { limit: null }));

    const answers = await inParallel(30, () => logIn('john.doe'));
    const statuses = tally(answers.map(({ status }) => status));
    expect([statuses, logs.errors]).toEqual([{ 200: LIMIT, 403: 30 - LIMIT }, []]);
    for (const { status, body } of answers) {
      if (status === 403) expect(body).toEqual(ERRORS.limitExceeded);
    }
    expect(await test.tokens.list(test.john)).toHaveLength(LIMIT);
  });

  it('leave each user the whole of their limit', async () => {
    const usernames = Array.from({ length: 10 }, (_, index) => `user${String(index)}`);
    await test.users.insert(usernames.map((username) => ({ username, password: PASSWORD })));

    const answers = await inParallel(10 * LIMIT, (index) => logIn(usernames[index % 10]!));
    const statuses = tally(answers.map(({ status }) => status));
    expect([statuses, logs.errors]).toEqual([{ 200: 10 * LIMIT }, []]);
    const tokens = new Set(answers.map(({ body }) => body.token as string));
    expect(tokens.size).toBe(10 * LIMIT);
    expect(await test.rows.count()).toBe(10 * LIMIT);
  });

  it('beside logouts leave no more than the limit, and no token that was logged out', async () => {
    const tokens = await inParallel(LIMIT, () => test.login());
    const [logouts] = await Promise.all([
      inParallel(LIMIT, (index) => test.client.post('/auth/logout', { token: tokens[index]! })),
      inParallel(15, () => logIn('john.doe')),
    ]);
    expect(tally(logouts.map(({ status }) => status))).toEqual({ 204: LIMIT });
    expect(await johns()).toBeLessThanOrEqual(LIMIT);
    for (const token of tokens) {
      expect((await test.client.get('/me', { token })).status).toBe(401);
    }
  });

  it('keep to the limit in any spelling of the user’s key', async () => {
    const { id } = test.john;
    const keys = [id, String(id), `0${String(id)}`] as number[];
    await inParallel(30, (index) =>
      test.tokens.create({ id: keys[index % 3] }).catch(() => undefined),
    );
    expect(await johns()).toBe(LIMIT);
  });
});
