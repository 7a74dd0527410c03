import { HttpException, ImATeapotException } from '@nestjs/common';
import {
  afterAll,
  afterEach,
  beforeAll,
  beforeEach,
  describe,
  expect,
  it,
  jest,
} from '@jest/globals';
import type { KnoxModuleOptions, KnoxRequest } from '../../lib/index.ts';
import { PASSWORD, startApp, type TestApp } from '../support/app.ts';
import { freezeTime, restoreTime } from '../support/clock.ts';
import { BASIC_JOHN, JOHN, recordedCredentials } from '../support/credentials.ts';
import { badRequest, CHALLENGES, ERRORS } from '../support/errors.ts';
import type { Answer, Sending } from '../support/http-client.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import { User } from '../support/users.ts';

const NOW = Date.UTC(2026, 0, 1);

let test: TestApp;
const login = (sending: Sending = { body: JOHN }): Promise<Answer> =>
  test.client.post('/auth/login', sending);

/** Starts an application for the work, and closes it afterwards. */
async function withApp(knox: KnoxModuleOptions, work: () => Promise<void>): Promise<void> {
  test = await startApp({ knox });
  try {
    await work();
  } finally {
    restoreTime();
    await test.close();
  }
}

describe('userSerializer', () => {
  it.each<[string, (user: User) => unknown, object]>([
    [
      'an object',
      ({ id, username }) => ({ id, username }),
      { user: { id: 1, username: 'john.doe' } },
    ],
    ['a promise', async ({ username }) => username, { user: 'john.doe' }],
    ['null', () => null, { user: null }],
    ['undefined', () => undefined, {}],
  ])('gives the field "user" of the login’s answer: %s', async (_, userSerializer, expected) => {
    await withApp({ userSerializer }, async () => {
      const { status, body } = await login();
      expect([status, body]).toEqual([
        200,
        { expiry: body.expiry, token: body.token, ...expected },
      ]);
    });
  });

  it('gets the user and the request', async () => {
    const userSerializer = (user: User, { headers }: KnoxRequest) => [
      user instanceof User,
      headers['accept-language'],
    ];
    await withApp({ userSerializer }, async () => {
      const answer = await login({ body: JOHN, headers: { 'accept-language': 'la' } });
      expect(answer.body.user).toEqual([true, 'la']);
    });
  });

  it('is not called if the login is refused', async () => {
    const userSerializer = jest.fn();
    await withApp({ userSerializer, tokenLimitPerUser: 1 }, async () => {
      await test.tokens.create(test.john);
      expect((await login()).status).toBe(403);
      expect((await login({})).status).toBe(401);
      expect(userSerializer).not.toHaveBeenCalled();
    });
  });
});

describe('formatExpiry', () => {
  it.each<[string, (expiry: Date | null) => unknown, unknown]>([
    ['a number', (expiry) => expiry?.getTime(), NOW + 36_000_000],
    ['a promise', async (expiry) => expiry?.getUTCHours(), 10],
    ['an object', (expiry) => ({ at: expiry }), { at: '2026-01-01T10:00:00.000Z' }],
  ])('gives the field "expiry" of the login’s answer: %s', async (_, formatExpiry, expected) => {
    await withApp({ formatExpiry }, async () => {
      freezeTime(NOW);
      const { status, body } = await login();
      expect([status, body]).toEqual([200, { expiry: expected, token: body.token }]);
    });
  });

  it('gets null where the token never expires', async () => {
    const formatExpiry = (expiry: Date | null) => (expiry === null ? 'never' : 'some time');
    await withApp({ formatExpiry, tokenTtl: null }, async () => {
      expect((await login()).body.expiry).toBe('never');
    });
  });
});

describe('usernameField and passwordField', () => {
  it('name the fields of the JSON body', async () => {
    await withApp({ usernameField: 'email', passwordField: 'secret' }, async () => {
      const [email, secret] = BASIC_JOHN;
      expect((await login({ body: { email, secret } })).status).toBe(200);
      expect((await login({ basic: BASIC_JOHN })).status).toBe(200);
      expect((await login({ basic: BASIC_JOHN, body: JOHN })).status).toBe(200);
      const other = await login();
      expect([other.status, other.body]).toEqual([400, badRequest('"email" is required.')]);
      const half = await login({ body: { email, password: secret } });
      expect([half.status, half.body]).toEqual([400, badRequest('"secret" is required.')]);
      expect((await login({ basic: BASIC_JOHN, body: { email } })).status).toBe(400);
    });
  });

  it('are not taken from what every object inherits', async () => {
    await withApp({ usernameField: 'constructor', passwordField: 'toString' }, async () => {
      const none = await login({ body: { x: 1 } });
      expect([none.status, none.body]).toEqual([400, badRequest('"constructor" is required.')]);
      const half = await login({ body: { constructor: 'john.doe' } });
      expect([half.status, half.body]).toEqual([400, badRequest('"toString" is required.')]);
      expect((await login({ basic: BASIC_JOHN, body: { x: 1 } })).status).toBe(200);
    });
  });
});

describe('verifyCredentials', () => {
  const logs = new LogRecorder();
  let verify: (...parameters: [string, string, KnoxRequest]) => unknown;
  beforeAll(async () => {
    const verifyCredentials: KnoxModuleOptions['verifyCredentials'] = (...parameters) =>
      verify(...parameters) as User;
    test = await startApp({
      knox: { verifyCredentials, authTimeout: '50ms' },
      configure: (app) => app.useLogger(logs),
    });
  });
  beforeEach(() => {
    logs.lines.length = 0;
  });
  afterEach(() => test.tokens.revokeAll(test.john));
  afterAll(() => test.close());

  it('is called once, with the username, the password and the request', async () => {
    const spy = recordedCredentials(() => test);
    verify = spy;
    const answer = await login({ body: JOHN, headers: { 'x-device': 'phone' } });
    expect(answer.status).toBe(200);
    expect(spy.mock.calls).toEqual([
      ['john.doe', PASSWORD, expect.objectContaining({ body: JOHN, method: 'POST' })],
    ]);
    const [[, , request]] = spy.mock.calls as unknown as [[string, string, KnoxRequest]];
    expect(request.headers['x-device']).toBe('phone');
  });

  it.each<[string, unknown]>([
    ['null', null],
    ['undefined', undefined],
    ['a promise of null', Promise.resolve(null)],
    ['false', false],
  ])('refuses the login with %s', async (_, value) => {
    verify = () => value;
    const json = await login();
    expect([json.status, json.body]).toEqual([401, ERRORS.invalidCredentials]);
    expect(json.headers['www-authenticate']).toBe(CHALLENGES.token);
    const basic = await login({ basic: BASIC_JOHN });
    expect([basic.status, basic.body]).toEqual([401, ERRORS.invalidCredentials]);
    expect(basic.headers['www-authenticate']).toBe(CHALLENGES.basic);
    expect(await test.rows.count()).toBe(0);
    expect(logs.errors).toEqual([]);
  });

  it.each<[string, () => unknown, string]>([
    ['throws', () => raise(new Error('LDAP is down')), ': LDAP is down'],
    ['rejects', () => Promise.reject(new TypeError('LDAP is down')), ': LDAP is down'],
    ['throws no Error', () => raise('LDAP is down'), ': string was thrown'],
    [
      'throws what looks like an HTTP error',
      () => raise(Object.assign(new Error('LDAP is down'), { statusCode: 418, status: 418 })),
      ': LDAP is down',
    ],
    ['hangs', () => new Promise(() => undefined), ': No answer within 50 ms.'],
  ])('is a 503, logged with its cause, where it %s', async (_, hook, cause) => {
    verify = hook;
    for (const sending of [{ body: JOHN }, { basic: BASIC_JOHN }]) {
      logs.lines.length = 0;
      const { status, body, headers } = await login(sending);
      expect([status, body]).toEqual([503, ERRORS.unavailable]);
      expect(headers['www-authenticate']).toBeUndefined();
      expect(logs.errors).toEqual([`Authentication is unavailable${cause}`]);
      expect(logs.text).not.toContain(PASSWORD);
    }
    expect(await test.rows.count()).toBe(0);
  });

  it.each([[true], ['john.doe'], [1]])(
    'makes no token for %p, which is not a user',
    async (value) => {
      verify = () => value;
      expect((await login()).status).toBe(500);
      expect(await test.rows.count()).toBe(0);
    },
  );

  it('recovers without help', async () => {
    verify = () => raise(new Error('LDAP is down'));
    expect((await login()).status).toBe(503);
    verify = () => test.john;
    expect((await login()).status).toBe(200);
  });

  it('may throw its own HttpException, which is passed on unchanged', async () => {
    verify = () => raise(new ImATeapotException('Too early'));
    const teapot = await login();
    expect([teapot.status, teapot.body.message]).toEqual([418, 'Too early']);
    const locked = { statusCode: 429, message: 'Locked', code: 'locked' };
    verify = async () => raise(new HttpException(locked, 429));
    const { status, body, headers } = await login({ basic: BASIC_JOHN });
    expect([status, body]).toEqual([429, locked]);
    expect(headers['www-authenticate']).toBeUndefined();
    expect(logs.errors).toEqual([]);
  });
});

function raise(error: unknown): never {
  throw error;
}
