import { Controller } from '@nestjs/common';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  KnoxController,
  type KnoxModuleOptions,
  type KnoxResponse,
  type LoginResponseContext,
} from '../../lib/index.ts';
import { PASSWORD, startApp, type AdapterName, type TestApp } from '../support/app.ts';
import { cookieHeader, cookiesOf, COOKIE_NAME, tokenCookieOf } from '../support/cookies.ts';
import { JOHN } from '../support/credentials.ts';
import { badRequest, ERRORS } from '../support/errors.ts';
import { clearHooks, HookedController, hooks } from '../support/hooked-controller.ts';
import type { Answer } from '../support/http-client.ts';
import { SqlLog } from '../support/sql-log.ts';

const ADAPTERS: AdapterName[] = ['express', 'fastify'];

describe.each(ADAPTERS)('A login with the option cookie on %s', (adapter) => {
  let test: TestApp;
  let sql: SqlLog;
  beforeAll(async () => {
    test = await startApp({
      adapter,
      controllers: [HookedController],
      knox: { cookie: true },
    });
    sql = new SqlLog(test.dataSource);
  });
  beforeEach(clearHooks);
  afterAll(() => test.close());

  const login = (query = '', path = '/auth/login'): Promise<Answer> =>
    test.client.post(`${path}${query}`, { body: JOHN });
  const me = (headers: Record<string, string | string[]>): Promise<Answer> =>
    test.client.get('/me', { headers });

  it('gives the token in the cookie, and not in the body', async () => {
    const answer = await login();
    expect(answer.status).toBe(200);
    expect(Object.keys(answer.body)).toEqual(['expiry']);
    const { value, attributes } = tokenCookieOf(answer)!;
    expect(value).toMatch(/^[0-9a-f]{64}$/);
    expect(attributes).toEqual([
      'Max-Age=36000',
      'Path=/',
      'HttpOnly',
      'Secure',
      'SameSite=Strict',
    ]);
    expect(answer.headers['cache-control']).toBe('no-store');
    expect(answer.text).not.toContain(value);
    const { status, body } = await me(cookieHeader(value));
    expect([status, body.username]).toEqual([200, 'john.doe']);
  });

  it('takes HTTP Basic too', async () => {
    const answer = await test.client.post('/auth/login', { basic: ['john.doe', PASSWORD] });
    expect(Object.keys(answer.body)).toEqual(['expiry']);
    expect((await me(cookieHeader(tokenCookieOf(answer)!.value))).status).toBe(200);
  });

  it('gives the token in the body with ?transport=header, and no cookie', async () => {
    const answer = await login('?transport=header');
    expect(Object.keys(answer.body)).toEqual(['expiry', 'token']);
    expect(answer.headers['set-cookie']).toBeUndefined();
    expect(answer.headers['cache-control']).toBe('no-store');
    expect((await test.client.get('/me', { token: answer.body.token as string })).status).toBe(200);
  });

  it('gives the cookie with ?transport=cookie', async () => {
    const answer = await login('?transport=cookie');
    expect(Object.keys(answer.body)).toEqual(['expiry']);
    expect(tokenCookieOf(answer)).toBeDefined();
  });

  it.each(['?transport=', '?transport=body', '?transport=header&transport=header'])(
    'is a 400 with %s, before anything is looked up',
    async (query) => {
      sql.clear();
      const answer = await login(query);
      expect([answer.status, answer.body]).toEqual([
        400,
        badRequest('"transport" must be cookie or header.'),
      ]);
      expect(sql.statements).toEqual([]);
    },
  );

  it('sets no cookie if it is refused', async () => {
    const answer = await test.client.post('/auth/login', { body: { ...JOHN, password: 'x' } });
    expect([answer.status, answer.body]).toEqual([401, ERRORS.invalidCredentials]);
    expect(answer.headers['set-cookie']).toBeUndefined();
  });

  it('keeps the hooks of the controller', async () => {
    hooks.getUserSerializer =
      () =>
      ({ username }: { username: string }) => ({ username });
    hooks.formatExpiry = () => 'soon';
    hooks.getTokenTtl = () => '1m';
    const answer = await login('', '/session/login');
    expect(answer.body).toEqual({ expiry: 'soon', user: { username: 'john.doe' } });
    expect(tokenCookieOf(answer)!.attributes).toContain('Max-Age=60');
  });

  it('still tells an override of getLoginResponse the token', async () => {
    let given = '';
    hooks.getLoginResponse = ({ token, authToken }: LoginResponseContext) => {
      given = token;
      return { key: authToken.tokenKey };
    };
    const answer = await login('', '/session/login');
    expect(answer.body).toEqual({ key: given.slice(0, 15) });
    expect(tokenCookieOf(answer)!.value).toBe(given);
  });

  it('leaves the cookies of others in the answer', async () => {
    hooks.getLoginResponse = ({ response }: { response: KnoxResponse }) => {
      response.header('Set-Cookie', 'theme=dark; Path=/');
    };
    const answer = await login('', '/session/login');
    expect(cookiesOf(answer).map(({ name }) => name)).toEqual(['theme', COOKIE_NAME]);
  });

  it('sets no cookie if the answer cannot be made, and keeps no token', async () => {
    hooks.getLoginResponse = () => {
      throw new Error('no answer');
    };
    const before = await test.rows.count();
    const answer = await login('', '/session/login');
    expect(answer.status).toBe(500);
    expect(answer.headers['set-cookie']).toBeUndefined();
    expect(await test.rows.count()).toBe(before);
  });

  it('still takes a token from the Authorization header', async () => {
    const { token } = await test.tokens.create(test.john);
    expect((await test.client.get('/me', { token })).status).toBe(200);
    expect((await test.client.post('/auth/logout', { token })).status).toBe(204);
  });

  describe('and afterwards', () => {
    let token: string;
    beforeEach(async () => {
      ({ token } = await test.tokens.create(test.john));
    });

    it.each([
      ['another scheme', 'Bearer x'],
      ['HTTP Basic', 'Basic eDp5'],
      ['an empty header', ''],
    ])('an Authorization header with %s decides alone', async (_, authorization) => {
      const { status, body } = await me({ ...cookieHeader(token), authorization });
      expect([status, body]).toEqual([401, ERRORS.notAuthenticated]);
    });

    it.each([
      ['a bad token', 'Token unknown', ERRORS.invalidToken],
      ['no token', 'Token', ERRORS.emptyHeader],
      ['two tokens', 'Token a b', ERRORS.ambiguousHeader],
    ])('an Authorization header with %s decides alone', async (_, authorization, error) => {
      const { status, body } = await me({ ...cookieHeader(token), authorization });
      expect([status, body]).toEqual([401, error]);
    });

    it('a good Authorization header decides alone', async () => {
      const authorization = `Token ${token}`;
      const { status } = await me({ ...cookieHeader('unknown'), authorization });
      expect(status).toBe(200);
    });

    it('two cookies of the name are refused, without a lookup', async () => {
      const { cookie } = cookieHeader(token);
      sql.clear();
      for (const sent of [`${cookie}; ${cookie}`, [cookie, cookie]]) {
        const { status, body, headers } = await me({ cookie: sent });
        expect([status, body]).toEqual([401, ERRORS.ambiguousCookie]);
        expect(headers['set-cookie']).toBeUndefined();
      }
      expect(sql.statements).toEqual([]);
    });

    it.each(['', 'unknown', 'é', 'f'.repeat(300), '"'])(
      'a cookie that is no token is refused and left alone: %s',
      async (value) => {
        const { status, body, headers } = await me(cookieHeader(value));
        expect([status, body]).toEqual([401, ERRORS.invalidToken]);
        expect(headers['set-cookie']).toBeUndefined();
        expect(headers['www-authenticate']).toBe('Token realm="api", error="invalid_token"');
      },
    );

    it('a cookie of another name is none', async () => {
      const { status, body } = await me({ cookie: `session=${token}` });
      expect([status, body]).toEqual([401, ERRORS.notAuthenticated]);
    });
  });
});

describe.each(ADAPTERS)('A login without the option cookie on %s', (adapter) => {
  let test: TestApp;
  beforeAll(async () => {
    test = await startApp({ adapter });
  });
  afterAll(() => test.close());

  const login = (query = '', headers = {}): Promise<Answer> =>
    test.client.post(`/auth/login${query}`, { body: JOHN, headers });

  it('answers with the token in the body, whichever page asks', async () => {
    for (const query of ['', '?transport=header']) {
      const answer = await login(query, { origin: 'https://evil.example' });
      expect(Object.keys(answer.body)).toEqual(['expiry', 'token']);
      expect(answer.headers['set-cookie']).toBeUndefined();
    }
  });

  it.each(['cookie', 'body', ''])('is a 400 with ?transport=%s', async (transport) => {
    const answer = await login(`?transport=${transport}`);
    expect([answer.status, answer.body]).toEqual([400, badRequest('"transport" must be header.')]);
  });

  it('reads no cookie', async () => {
    const { token } = await test.tokens.create(test.john);
    const { status, body } = await test.client.get('/me', { headers: cookieHeader(token) });
    expect([status, body]).toEqual([401, ERRORS.notAuthenticated]);
  });
});

describe('The cookie of a login', () => {
  const answerWith = async (knox: KnoxModuleOptions): Promise<Answer> => {
    const test = await startApp({ knox });
    const answer = await test.client.post('/auth/login', { body: JOHN });
    await test.close();
    return answer;
  };

  it('lives 400 days if its token never expires', async () => {
    const answer = await answerWith({ cookie: true, tokenTtl: null });
    expect(answer.body).toEqual({ expiry: null });
    expect(tokenCookieOf(answer)!.attributes).toContain('Max-Age=34560000');
  });

  it('lives until the browser is closed, if it is not persistent', async () => {
    const answer = await answerWith({ cookie: { persistent: false } });
    expect(tokenCookieOf(answer)!.attributes).toEqual([
      'Path=/',
      'HttpOnly',
      'Secure',
      'SameSite=Strict',
    ]);
  });

  it('has the attributes of the option', async () => {
    const cookie = {
      name: 'sid',
      sameSite: 'lax',
      secure: false,
      path: '/app',
      domain: 'example.com',
    } as const;
    const [sent] = cookiesOf(await answerWith({ cookie }));
    expect([sent!.name, sent!.attributes]).toEqual([
      'sid',
      ['Max-Age=36000', 'Domain=example.com', 'Path=/app', 'HttpOnly', 'SameSite=Lax'],
    ]);
  });
});

/** Sends the token in the body too, as an application may. */
@Controller('both')
class BothController extends KnoxController {
  protected override getLoginResponse({ token }: LoginResponseContext): object {
    return { token };
  }
}

it('An override that answers with the token is obeyed', async () => {
  const test = await startApp({ controllers: [BothController], knox: { cookie: true } });
  const answer = await test.client.post('/both/login', { body: JOHN });
  expect(answer.body.token).toBe(tokenCookieOf(answer)!.value);
  await test.close();
});
