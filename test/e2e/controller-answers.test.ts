import {
  ConflictException,
  Controller,
  ImATeapotException,
  Injectable,
  Module,
} from '@nestjs/common';
import { afterAll, afterEach, beforeAll, describe, expect, it, jest } from '@jest/globals';
import type { Response } from 'express';
import type { FastifyReply } from 'fastify';
import {
  AuthToken,
  KnoxController,
  type LoginResponseContext,
  type LogoutContext,
} from '../../lib/index.ts';
import { startApp, type AdapterName, type TestApp } from '../support/app.ts';
import { JOHN } from '../support/credentials.ts';
import { ERRORS } from '../support/errors.ts';
import { clearHooks, HookedController, hooks, type Hooks } from '../support/hooked-controller.ts';
import type { Answer } from '../support/http-client.ts';
import { User } from '../support/users.ts';

@Injectable()
class Greeter {
  greet({ username }: User): string {
    return `Hello ${username}`;
  }
}

/** A subclass with its own constructor, and another one beside it. */
@Controller('greeting')
class GreetingController extends KnoxController {
  constructor(private readonly greeter: Greeter) {
    super();
  }

  protected override async getLoginResponse({ user, token }: LoginResponseContext) {
    return { greeting: this.greeter.greet(user as User), token };
  }

  protected override getLogoutResponse({ user }: LogoutContext): string {
    return `Good bye ${(user as User).username}`;
  }
}

@Module({ controllers: [HookedController, GreetingController], providers: [Greeter] })
class SessionModule {}

describe.each<AdapterName>(['express', 'fastify'])('the answers of a subclass on %s', (adapter) => {
  let test: TestApp;
  beforeAll(async () => {
    test = await startApp({ adapter, imports: [SessionModule], knox: { controller: false } });
  });
  afterEach(async () => {
    clearHooks();
    await test.tokens.revokeAll(test.john);
  });
  afterAll(() => test.close());

  const login = (): Promise<Answer> => test.client.post('/session/login', { body: JOHN });
  const tokenOfJohn = async () => (await test.tokens.create(test.john)).token;

  it('may have its own constructor, and stand beside another subclass', async () => {
    const { status, body } = await test.client.post('/greeting/login', { body: JOHN });
    expect([status, body.greeting]).toEqual([200, 'Hello john.doe']);
    const { token } = body;
    const logout = await test.client.post('/greeting/logout', { token });
    expect([logout.status, logout.text]).toEqual([200, 'Good bye john.doe']);
    expect(Object.keys((await login()).body)).toEqual(['expiry', 'token']);
  });

  describe('getLoginResponse', () => {
    it('gets the results of the login', async () => {
      let seen: LoginResponseContext | undefined;
      hooks.getLoginResponse = (context) => void (seen = context);
      const { body } = await login();
      expect(body).toEqual({ expiry: seen?.authToken.expiry?.toISOString(), token: seen?.token });
      expect(seen?.user).toEqual(test.john);
      expect(seen?.authToken).toBeInstanceOf(AuthToken);
      expect(seen?.authToken.tokenKey).toBe(body.token.slice(0, 15));
      expect(seen?.request.body).toEqual(JOHN);
    });

    it.each([
      ['an object', { ok: true }],
      ['a promise of one', Promise.resolve({ ok: true })],
    ])('sends %s', async (_, value) => {
      hooks.getLoginResponse = () => value;
      const { status, body, headers } = await login();
      expect([status, body]).toEqual([200, { ok: true }]);
      expect(headers['cache-control']).toBe('no-store');
    });

    it.each([null, '', false])('sends %p instead of the default answer', async (value) => {
      hooks.getLoginResponse = () => value;
      const { status, text } = await login();
      expect([status, text]).not.toEqual([200, expect.stringContaining('token')]);
      expect(status).toBe(200);
      expect(await test.rows.count()).toBe(1);
    });

    it('may set headers, so that the token goes into a cookie', async () => {
      hooks.getLoginResponse = ({ response, token }) => {
        response.header('Set-Cookie', `session=${token}; HttpOnly`);
        return {};
      };
      const { body, headers } = await login();
      expect(body).toEqual({});
      const [token] = /[0-9a-f]{64}/.exec(String(headers['set-cookie'])) ?? [];
      expect((await test.client.get('/me', { token })).status).toBe(200);
    });

    it('may set the status', async () => {
      hooks.getLoginResponse = ({ response }) => {
        (response as unknown as Response & FastifyReply).status(201);
      };
      const { status, body } = await login();
      expect([status, Object.keys(body)]).toEqual([201, ['expiry', 'token']]);
    });
  });

  describe('a login whose answer fails', () => {
    const teapot = { statusCode: 418, message: "I'm a teapot" };
    const internal = { statusCode: 500, message: 'Internal server error' };
    const fail = (error: Error) => () => {
      throw error;
    };
    const FAILURES: [string, Hooks, typeof teapot][] = [
      ['getLoginResponse throws', { getLoginResponse: fail(new Error('x')) }, internal],
      [
        'getLoginResponse rejects',
        { getLoginResponse: () => Promise.reject(new Error('x')) },
        internal,
      ],
      ['getLoginResponse refuses', { getLoginResponse: fail(new ImATeapotException()) }, teapot],
      ['getUserSerializer throws', { getUserSerializer: fail(new Error('x')) }, internal],
      ['a serializer throws', { getUserSerializer: () => fail(new ImATeapotException()) }, teapot],
      [
        'a serializer rejects',
        { getUserSerializer: () => () => Promise.reject(new Error('x')) },
        internal,
      ],
      ['formatExpiry throws', { formatExpiry: fail(new Error('x')) }, internal],
      ['getTokenTtl throws', { getTokenTtl: fail(new Error('x')) }, internal],
      ['getTokenTtl gives no duration', { getTokenTtl: () => 'ten hours' }, internal],
      ['getTokenPrefix gives no prefix', { getTokenPrefix: () => 'a b' }, internal],
      ['getTokenLimitPerUser gives no number', { getTokenLimitPerUser: () => '1' }, internal],
      ['createToken refuses', { createToken: fail(new ImATeapotException()) }, teapot],
    ];

    it.each(FAILURES)('leaves no token where %s', async (_, override, expected) => {
      const kept = await tokenOfJohn();
      Object.assign(hooks, override);
      const { status, body } = await login();
      expect([status, body]).toEqual([expected.statusCode, expect.objectContaining(expected)]);
      expect(await test.rows.count()).toBe(1);
      expect((await test.client.get('/me', { token: kept })).status).toBe(200);
    });

    it('revokes the token that createToken has made too', async () => {
      hooks.createToken = ({ user }) => test.tokens.create(user, { prefix: 'own_' });
      hooks.getLoginResponse = fail(new Error('x'));
      expect((await login()).status).toBe(500);
      expect(await test.rows.count()).toBe(0);
    });
  });

  describe.each([
    ['getLogoutResponse', '/session/logout'],
    ['getLogoutAllResponse', '/session/logoutall'],
  ] as const)('%s', (name, path) => {
    it('gets the user and the token, which is deleted by now', async () => {
      const token = await tokenOfJohn();
      let seen: LogoutContext | undefined;
      let rows: number | undefined;
      hooks[name] = async (context) => {
        seen = context;
        rows = await test.rows.count();
      };
      const answer = await test.client.post(path, { token });
      expect([answer.status, answer.text]).toEqual([204, '']);
      expect(rows).toBe(0);
      expect(seen?.user).toEqual(test.john);
      expect(seen?.authToken).toBeInstanceOf(AuthToken);
      expect(seen?.authToken.tokenKey).toBe(token.slice(0, 15));
      expect(seen?.request.headers.authorization).toBe(`Token ${token}`);
      expect(seen?.response.status).toEqual(expect.any(Function));
    });

    it.each([
      ['an object', { bye: 1 }],
      ['a promise of one', Promise.resolve({ bye: 1 })],
    ])('is sent with 200 where it is %s', async (_, value) => {
      hooks[name] = () => value;
      const answer = await test.client.post(path, { token: await tokenOfJohn() });
      expect([answer.status, answer.body]).toEqual([200, { bye: 1 }]);
    });

    it('is a 204 where it is a promise of undefined', async () => {
      hooks[name] = async () => undefined;
      const answer = await test.client.post(path, { token: await tokenOfJohn() });
      expect([answer.status, answer.text]).toEqual([204, '']);
    });

    it('is a 200 where it is null', async () => {
      hooks[name] = () => null;
      expect((await test.client.post(path, { token: await tokenOfJohn() })).status).toBe(200);
    });

    it('is not called if no token was revoked', async () => {
      const asked = jest.fn();
      hooks[name] = asked;
      const { body } = await test.client.post(path, { token: 'f'.repeat(64) });
      expect(body).toEqual(ERRORS.invalidToken);
      expect(asked).not.toHaveBeenCalled();
    });

    it('leaves the user logged out though it throws', async () => {
      const token = await tokenOfJohn();
      hooks[name] = () => {
        throw new ConflictException('Not now');
      };
      const answer = await test.client.post(path, { token });
      expect([answer.status, answer.body.message]).toEqual([409, 'Not now']);
      expect((await test.client.get('/me', { token })).status).toBe(401);
    });
  });
});
