import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { DjangoUser } from '../../lib/django/index.ts';
import { freezeTime, restoreTime } from '../support/clock.ts';
import { DATABASES, type TestDatabase } from '../support/databases.ts';
import {
  createDjangoDatabase,
  RECORDED,
  publicFields,
  startDjangoApp,
  TOKEN_ROWS,
  tokenOf,
  TOKENS,
  type DjangoApp,
} from '../support/django.ts';
import { ERRORS } from '../support/errors.ts';
import { pollUntil } from '../support/polling.ts';

/** A time at which the tokens of the fixture have not expired. */
const THEN = Date.UTC(2026, 10, 23, 17);

const recorded = (name: string) => {
  const { status, body, wwwAuthenticate } = RECORDED.find((one) => one.case === name)!;
  return { status, body, wwwAuthenticate };
};

const LIVE = TOKENS.filter(({ kind, user }) => user !== 'inactive' && kind !== 'expired');

describe.each(DATABASES)('on the tables of a real knox on %s', (name) => {
  let database: TestDatabase;
  let test: DjangoApp;
  beforeAll(async () => {
    database = await createDjangoDatabase(name);
    test = await startDjangoApp(database);
  });
  afterEach(() => restoreTime());
  afterAll(async () => {
    await test.close();
    await database.drop();
  });

  const me = (token: string) => test.client.get('/me', { token });

  it.each(LIVE)('accepts a token of kind $kind', async ({ token, user, expiry, loginAnswer }) => {
    freezeTime(THEN);
    const text = loginAnswer?.expiry ?? expiry;
    const { status, body } = await me(token);
    expect([status, body]).toEqual([
      200,
      {
        username: user,
        tokenKey: token.slice(0, 15),
        created: expect.stringMatching(/^2026-11-23T16:34:57\.\d{3}Z$/),
        // Cut off, not rounded.
        expiry: text ? new Date(text).toISOString() : null,
      },
    ]);
  });

  it('takes many tokens at once, each for its own user', async () => {
    freezeTime(THEN);
    const asked = Array.from({ length: 10 }, () => LIVE).flat();
    const answers = await Promise.all(asked.map(({ token }) => me(token)));
    expect(answers.map(({ body }) => [body.username, body.tokenKey])).toEqual(
      asked.map(({ user, token }) => [user, token.slice(0, 15)]),
    );
  });

  it('refuses the others as Django did', async () => {
    freezeTime(THEN);
    const inactive = TOKENS.filter(({ user }) => user === 'inactive');
    expect(inactive).toHaveLength(2);
    for (const { token } of inactive)
      expect(publicFields(await me(token))).toEqual(recorded('inactive'));
    expect(publicFields(await me('f'.repeat(64)))).toEqual(recorded('unknown'));
    const before = (await test.rows()).length;
    expect(publicFields(await me(tokenOf('expired')))).toEqual(recorded('unknown'));
    expect(await test.rows()).toHaveLength(before - 1);
  });

  it('takes Django’s passwords, and stores a token as knox would have', async () => {
    const now = THEN + 5;
    freezeTime(now);
    const answer = await test.client.post('/auth/login', { basic: ['john.doe', 'hunter2'] });
    expect(answer.body).toEqual({
      token: expect.any(String),
      expiry: '2026-11-23T21:00:00.005000-06:00',
    });
    const { token } = answer.body;
    const digest = createHash('sha512').update(token).digest('hex');
    const row = (await test.rows()).find((one) => one.digest === digest);
    const fraction = '.005000';
    expect(row).toEqual({
      digest,
      token_key: token.slice(0, 15),
      user_id: 1,
      created: `2026-11-23 17:00:00${fraction}`,
      expiry: `2026-11-24 03:00:00${fraction}`,
    });
    expect((await me(token)).body.username).toBe('john.doe');
    const wrong = await test.client.post('/auth/login', { basic: ['john.doe', 'wrong'] });
    expect(publicFields(wrong)).toEqual(recorded('wrong password'));
  });

  it('makes the digests and token keys that knox has made', async () => {
    freezeTime(THEN);
    const rows = new Map((await test.rows()).map((row) => [row.digest, row.token_key]));
    for (const { token, digest, tokenKey } of TOKEN_ROWS) {
      if (token === tokenOf('expired')) continue;
      expect(rows.get(digest)).toBe(tokenKey);
      expect(createHash('sha512').update(token).digest('hex')).toBe(digest);
    }
  });

  it('logs out, one token and all of them', async () => {
    const jane = await test.user('jane.doe');
    const one = await test.login('jane.doe');
    const other = await test.login('jane.doe');
    expect((await test.client.post('/auth/logout', { token: one })).status).toBe(204);
    expect((await me(one)).status).toBe(401);
    expect((await test.client.post('/auth/logoutall', { token: other })).status).toBe(204);
    expect((await me(other)).status).toBe(401);
    expect((await me(tokenOf('prefixed'))).status).toBe(401);
    expect(await test.tokens.list(jane)).toEqual([]);
    expect((await me(tokenOf('long'))).status).toBe(200);
  });

  it('lists what is unexpired, newest first', async () => {
    freezeTime(THEN + 50);
    const john = await test.user('john.doe');
    await test.tokens.create(john, { ttl: '1h' });
    const list = await test.tokens.list(john);
    const instants = list.map(({ created }) => created.getTime());
    expect(instants).toEqual([...instants].sort((a, b) => b - a));
    expect(instants[0]).toBe(THEN + 50);
    expect(list.map(({ tokenKey }) => tokenKey)).toEqual(
      expect.arrayContaining([tokenOf('never').slice(0, 15), tokenOf('long').slice(0, 15)]),
    );
    expect(list.every(({ user }) => user instanceof DjangoUser)).toBe(true);
  });

  it('keeps the token’s own TTL, to the millisecond', async () => {
    freezeTime(THEN);
    const john = await test.user('john.doe');
    const { token, authToken } = await test.tokens.create(john, { ttl: 1_001 });
    expect([authToken.ttl, authToken.expiry]).toEqual([1_001, new Date(THEN + 1_001)]);
    freezeTime(THEN + 1_000);
    expect((await me(token)).status).toBe(200);
    freezeTime(THEN + 1_001);
    expect(publicFields(await me(token))).toEqual(recorded('unknown'));
  });

  it('makes a token that never expires', async () => {
    const { token, authToken } = await test.tokens.create(await test.user('john.doe'), {
      ttl: null,
    });
    expect((await me(token)).body.expiry).toBeNull();
    expect(await test.tokens.revoke(authToken)).toBe(true);
  });

  it('deletes what is expired, and nothing else', async () => {
    freezeTime(THEN);
    const john = await test.user('john.doe');
    const { authToken } = await test.tokens.create(john, { ttl: 10 });
    const kept = (await test.rows()).filter(({ digest }) => digest !== authToken.digest);
    freezeTime(THEN + 9);
    expect(await test.tokens.deleteExpired()).toBe(0);
    freezeTime(THEN + 10);
    expect(await test.tokens.deleteExpired()).toBe(1);
    expect(await test.rows()).toEqual(kept);
  });

  it('refuses a TTL past the last instant of Python, before any SQL', async () => {
    freezeTime(Date.UTC(9990, 0, 1));
    const john = await test.user('john.doe');
    await expect(test.tokens.create(john, { ttl: '522w' })).rejects.toThrow(
      new TypeError('ttl: DjangoAuthToken can store no expiry past 9999-12-31T23:59:59.999Z.'),
    );
  });

  it('gives no token to a user who is deleted meanwhile, and none is left', async () => {
    const gone = await startDjangoApp(database, {
      knox: {
        async isUserActive(user) {
          await gone.dataSource.query(
            `DELETE FROM auth_user WHERE id = ${String((user as DjangoUser).id)}`,
          );
          return true;
        },
      },
    });
    await test.dataSource.query(
      "INSERT INTO auth_user (id, password, is_superuser, username, first_name, last_name, email, is_staff, is_active, date_joined) SELECT 9, password, is_superuser, 'ada', first_name, last_name, email, is_staff, is_active, date_joined FROM auth_user WHERE id = 1",
    );
    const before = await test.rows();
    const create = gone.tokens.create(await gone.user('ada'));
    await expect(create).rejects.toMatchObject({ response: ERRORS.userInactive });
    expect(await test.rows()).toEqual(before);
    expect(await test.dataSource.query('SELECT id FROM auth_user WHERE id = 9')).toEqual([]);
    await gone.close();
  });
});

describe.each(DATABASES)('with knox’s settings on %s', (name) => {
  let database: TestDatabase;
  let test: DjangoApp;
  beforeAll(async () => {
    database = await createDjangoDatabase(name);
    test = await startDjangoApp(database, {
      knox: { tokenLimitPerUser: 5, autoRefresh: true, autoRefreshMaxTtl: '20h' },
    });
  });
  afterEach(() => restoreTime());
  afterAll(async () => {
    await test.close();
    await database.drop();
  });

  const me = (token: string) => test.client.get('/me', { token });

  it('keeps the limit, Django’s tokens counted, in logins at once', async () => {
    freezeTime(THEN);
    // John has three unexpired tokens, which Django made.
    const basic: [string, string] = ['john.doe', 'hunter2'];
    const logins = Array.from({ length: 6 }, () => test.client.post('/auth/login', { basic }));
    const answers = await Promise.all(logins);
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 200, 403, 403, 403, 403]);
    const refused = answers.find(({ status }) => status === 403)!;
    expect(publicFields(refused)).toEqual(recorded('limit'));
    // The login deleted the expired token.
    await pollUntil(5, async () => (await test.rows()).filter((row) => row.user_id === 1).length);
  });

  it('moves the expiry of a token that Django made', async () => {
    freezeTime(THEN);
    const { token, loginAnswer } = TOKENS.find(({ user }) => user === 'jane.doe')!;
    const old = new Date(loginAnswer!.expiry).getTime();
    expect((await me(token)).body.expiry).toBe(new Date(THEN + 36_000_000).toISOString());
    const digest = createHash('sha512').update(token).digest('hex');
    const row = (await test.rows()).find((one) => one.digest === digest)!;
    expect(row.expiry).toMatch(/^2026-11-24 03:00:00/);
    freezeTime(old);
    expect((await me(token)).status).toBe(200);
    // Never later than created + autoRefreshMaxTtl.
    freezeTime(Date.UTC(2026, 10, 24, 12));
    expect((await me(token)).body.expiry).toBe('2026-11-24T12:34:57.822Z');
    freezeTime(Date.UTC(2026, 10, 24, 12, 34, 57, 822));
    expect((await me(token)).status).toBe(401);
  });

  it('refuses a TTL for a single token, because Django has no column for it', async () => {
    const jane = await test.user('jane.doe');
    await expect(test.tokens.create(jane, { ttl: '1h' })).rejects.toThrow(
      'ttl: DjangoAuthToken has no column to keep it, so that autoRefresh would go by tokenTtl; ' +
        'leave ttl out, or turn autoRefresh off.',
    );
    const { authToken } = await test.tokens.create(jane, { ttl: null });
    expect(authToken.expiry).toBeNull();
  });
});
