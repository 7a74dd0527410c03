import { Controller, Get, ImATeapotException, UseGuards } from '@nestjs/common';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  CurrentUser,
  OptionalKnoxAuthGuard,
  type KnoxModuleOptions,
  type KnoxRequest,
} from '../../lib/index.ts';
import { startApp, type AdapterName, type TestApp } from '../support/app.ts';
import { JOHN } from '../support/credentials.ts';
import { CHALLENGES, ERRORS } from '../support/errors.ts';
import type { Answer } from '../support/http-client.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import { SqlLog } from '../support/sql-log.ts';
import type { User } from '../support/users.ts';

let test: TestApp;

describe.each(['Bearer', 'knox-2', "!#$%&'*+.^_`|~"])('authHeaderPrefix: %s', (scheme) => {
  beforeAll(async () => {
    test = await startApp({ knox: { authHeaderPrefix: scheme } });
  });
  afterAll(() => test.close());

  const me = (authorization: string): Promise<Answer> =>
    test.client.get('/me', { headers: { authorization } });

  it('is the scheme, in any case, and the only one', async () => {
    const { token } = await test.tokens.create(test.john);
    expect((await me(`${scheme} ${token}`)).status).toBe(200);
    expect((await me(`${scheme.toUpperCase()} ${token}`)).status).toBe(200);
    expect((await me(`${scheme.toLowerCase()} ${token}`)).status).toBe(200);
    const { status, body } = await me(`Token ${token}`);
    expect([status, body]).toEqual([401, ERRORS.notAuthenticated]);
  });

  it('is named by the challenges', async () => {
    const challengeOf = ({ headers }: Answer) => headers['www-authenticate'];
    expect(challengeOf(await me('Token x'))).toBe(`${scheme} realm="api"`);
    expect(challengeOf(await me(scheme))).toBe(`${scheme} realm="api"`);
    const bad = await me(`${scheme} x`);
    expect(challengeOf(bad)).toBe(`${scheme} realm="api", error="invalid_token"`);
    const login = await test.client.post('/auth/login', { body: { ...JOHN, password: 'x' } });
    expect(challengeOf(login)).toBe(`${scheme} realm="api"`);
    expect(challengeOf(await test.client.post('/auth/login'))).toBe(CHALLENGES.basic);
  });
});

describe('another scheme than the one expected', () => {
  const logs = new LogRecorder();
  beforeAll(async () => {
    test = await startApp();
    test.app.useLogger(logs);
  });
  afterAll(() => test.close());

  const hints = () => logs.lines.filter(({ message }) => message.includes('Authorization'));

  it('is a 401 as Django’s, whose challenge and log line name the scheme, and nothing sent', async () => {
    const { token } = await test.tokens.create(test.john);
    for (const authorization of [`Bearer ${token}`, token, `${token} ${token}`]) {
      logs.lines.length = 0;
      const { status, body, headers } = await test.client.get('/me', {
        headers: { authorization },
      });
      expect([status, body]).toEqual([401, ERRORS.notAuthenticated]);
      expect(headers['www-authenticate']).toBe(CHALLENGES.token);
      expect(hints()).toEqual([
        expect.objectContaining({
          level: 'debug',
          message: 'Expected "Authorization: Token …"; this header has another scheme.',
        }),
      ]);
      expect(logs.text).not.toContain(token.slice(0, 16));
    }
  });

  it('is named for no other 401', async () => {
    logs.lines.length = 0;
    await test.client.get('/me');
    await test.client.get('/me', { token: 'x' });
    await test.client.get('/me', { headers: { authorization: '' } });
    expect(hints()).toEqual([]);
  });
});

@Controller('optional')
@UseGuards(OptionalKnoxAuthGuard)
class OptionalController {
  @Get()
  optional(@CurrentUser() user?: User): object {
    return { username: user?.username ?? null };
  }
}

describe.each<AdapterName>(['express', 'fastify'])('extractToken on %s', (adapter) => {
  const logs = new LogRecorder();
  let extract: (request: KnoxRequest) => unknown;
  let sql: SqlLog;
  beforeAll(async () => {
    test = await startApp({
      adapter,
      controllers: [OptionalController],
      knox: {
        extractToken: (request: KnoxRequest) => extract(request) as string,
        authTimeout: '50ms',
      } satisfies KnoxModuleOptions,
      configure: (app) => app.useLogger(logs),
    });
    sql = new SqlLog(test.dataSource);
  });
  afterEach(() => {
    logs.lines.length = 0;
  });
  afterAll(() => test.close());

  const fromCookie = ({ headers }: KnoxRequest): string | null =>
    /(?:^|; )session=([^;]*)/.exec(String(headers.cookie))?.[1] ?? null;

  it('is the only place where a token is read', async () => {
    extract = fromCookie;
    const { token } = await test.tokens.create(test.john);
    const withCookie = await test.client.get('/me', { headers: { cookie: `session=${token}` } });
    expect([withCookie.status, withCookie.body.username]).toEqual([200, 'john.doe']);
    const withHeader = await test.client.get('/me', { token });
    expect([withHeader.status, withHeader.body]).toEqual([401, ERRORS.notAuthenticated]);
    const headers = { cookie: `a=b; session=${token}` };
    expect((await test.client.post('/auth/logout', { headers })).status).toBe(204);
    const after = await test.client.get('/me', { headers });
    expect([after.status, after.body]).toEqual([401, ERRORS.invalidToken]);
    expect(after.headers['www-authenticate']).toBe(CHALLENGES.badToken);
  });

  it('may be async', async () => {
    extract = async (request) => fromCookie(request);
    const { token } = await test.tokens.create(test.john);
    const headers = { cookie: `session=${token}` };
    expect((await test.client.get('/me', { headers })).status).toBe(200);
  });

  it('says with null that there are no credentials', async () => {
    extract = () => null;
    const { status, body, headers } = await test.client.get('/me');
    expect([status, body]).toEqual([401, ERRORS.notAuthenticated]);
    expect(headers['www-authenticate']).toBe(CHALLENGES.token);
    expect((await test.client.get('/optional')).body).toEqual({ username: null });
  });

  it.each<[string, unknown]>([
    ['undefined', undefined],
    ['a promise of undefined', Promise.resolve(undefined)],
    ['a number', 1],
    ['false', false],
    ['an array', ['f'.repeat(64)]],
    ['an object', { length: 64 }],
    ['an empty string', ''],
    ['a string too long for a token', 'f'.repeat(267)],
    ['15,000 characters', 'f'.repeat(15_000)],
    ['a NUL', `${'f'.repeat(63)}\0`],
    ['a lone surrogate', '\ud800'],
  ])('is a bad token where it gives %s, without a lookup', async (_, value) => {
    extract = () => value;
    sql.clear();
    for (const path of ['/me', '/optional']) {
      const { status, body, headers } = await test.client.get(path);
      expect([status, body]).toEqual([401, ERRORS.invalidToken]);
      expect(headers['www-authenticate']).toBe(CHALLENGES.badToken);
    }
    expect(sql.statements).toEqual([]);
  });

  it.each<[string, () => unknown, string]>([
    ['throws', () => raise(new Error('no cookie jar')), 'no cookie jar'],
    ['rejects', () => Promise.reject(new Error('no cookie jar')), 'no cookie jar'],
    ['hangs', () => new Promise(() => undefined), 'No answer within 50 ms.'],
  ])('is a 503, logged with its cause, where it %s', async (_, hook, cause) => {
    extract = hook;
    const { status, body, headers } = await test.client.get('/me');
    expect([status, body]).toEqual([503, ERRORS.unavailable]);
    expect(headers['www-authenticate']).toBeUndefined();
    expect(logs.errors).toEqual([`Authentication is unavailable: ${cause}`]);
  });

  it('may throw its own HttpException', async () => {
    extract = () => raise(new ImATeapotException('No cookies here'));
    const { status, body } = await test.client.get('/me');
    expect([status, body.message]).toEqual([418, 'No cookies here']);
    expect(logs.errors).toEqual([]);
  });
});

function raise(error: Error): never {
  throw error;
}
