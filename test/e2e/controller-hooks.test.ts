import { Controller, HttpCode, Module, Post, Req, Res, UseGuards } from '@nestjs/common';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  KnoxController,
  KnoxLoginRouteGuard,
  Public,
  type KnoxRequest,
  type KnoxResponse,
  type LoginContext,
} from '../../lib/index.ts';
import { startApp, type AdapterName, type TestApp } from '../support/app.ts';
import { freezeTime, restoreTime } from '../support/clock.ts';
import { JOHN } from '../support/credentials.ts';
import { badRequest, ERRORS } from '../support/errors.ts';
import { clearHooks, HookedController, hooks, type Hooks } from '../support/hooked-controller.ts';
import type { Answer } from '../support/http-client.ts';
import { User } from '../support/users.ts';

const NOW = Date.UTC(2026, 0, 1);
const HOUR_MS = 3_600_000;

/** Moves the login to another path, and repeats its guards. */
@Controller('moved')
class MovedController extends KnoxController {
  @Post('sign-in')
  @HttpCode(201)
  @Public()
  @UseGuards(KnoxLoginRouteGuard)
  override login(
    @Req() request: KnoxRequest,
    @Res({ passthrough: true }) response: KnoxResponse,
  ): Promise<unknown> {
    return super.login(request, response);
  }
}

/** Moves the login to another path, and forgets its guards. */
@Controller('open')
class OpenController extends KnoxController {
  @Post('sign-in')
  override login(
    @Req() request: KnoxRequest,
    @Res({ passthrough: true }) response: KnoxResponse,
  ): Promise<unknown> {
    request.user = { id: 1 };
    return super.login(request, response);
  }
}

@Module({ controllers: [HookedController, MovedController, OpenController] })
class SessionModule {}

describe.each<AdapterName>(['express', 'fastify'])(
  'a subclass of KnoxController on %s',
  (adapter) => {
    let test: TestApp;
    beforeAll(async () => {
      test = await startApp({
        adapter,
        imports: [SessionModule],
        knox: {
          controller: false,
          tokenTtl: '2h',
          tokenPrefix: 'opt_',
          tokenLimitPerUser: 3,
          userSerializer: () => 'the option',
          formatExpiry: () => 'the option',
        },
      });
    });
    beforeEach(() => freezeTime(NOW));
    afterEach(async () => {
      restoreTime();
      clearHooks();
      await test.tokens.revokeAll(test.john);
    });
    afterAll(() => test.close());

    const login = (): Promise<Answer> => test.client.post('/session/login', { body: JOHN });
    const loggedIn = async (): Promise<Answer['body']> => {
      const { status, body } = await login();
      expect(status).toBe(200);
      return body;
    };
    const onlyRow = () => test.rows.findOneByOrFail({});

    /** Each hook gives its value directly, and as a promise. */
    const WAYS = [
      ['at once', (value: unknown) => value],
      ['as a promise', async (value: unknown) => value],
    ] as const;

    it('follows the options where it overrides nothing', async () => {
      expect(await loggedIn()).toEqual({
        expiry: 'the option',
        token: expect.stringMatching(/^opt_[0-9a-f]{64}$/),
        user: 'the option',
      });
      expect((await onlyRow()).expiry).toEqual(new Date(NOW + 2 * HOUR_MS));
      expect((await test.client.post('/auth/login', { body: JOHN })).status).toBe(404);
    });

    it('has the built-in guards and answers on its own path', async () => {
      const { token } = await loggedIn();
      expect((await test.client.post('/session/logout')).body).toEqual(ERRORS.notAuthenticated);
      expect((await test.client.post('/session/logout', { token })).status).toBe(204);
      expect((await test.client.post('/session/logoutall', { token })).status).toBe(401);
      const { status, body } = await test.client.post('/session/login', { body: '{"password":"x' });
      expect([status, body]).toEqual([400, badRequest('The body must be a JSON object.')]);
      expect((await test.client.post('/session/login', {})).headers['cache-control']).toBe(
        'no-store',
      );
    });

    describe.each(WAYS)('that answers %s', (_, give) => {
      it.each([
        ['a string', '30m', NOW + HOUR_MS / 2, HOUR_MS / 2],
        ['milliseconds', HOUR_MS, NOW + HOUR_MS, HOUR_MS],
        ['undefined, which is the option’s', undefined, NOW + 2 * HOUR_MS, null],
        ['null, which is for ever', null, undefined, null],
      ])('sets the TTL with getTokenTtl: %s', async (_name, value, expiry, ttl) => {
        hooks.getTokenTtl = () => give(value);
        await loggedIn();
        const row = await onlyRow();
        expect([row.expiry?.getTime(), row.ttl]).toEqual([expiry, ttl]);
      });

      it.each([
        ['a prefix', 'own_', /^own_[0-9a-f]{64}$/],
        ['none', '', /^[0-9a-f]{64}$/],
        ['undefined, which is the option’s', undefined, /^opt_[0-9a-f]{64}$/],
      ])('sets the prefix with getTokenPrefix: %s', async (_name, value, expected) => {
        hooks.getTokenPrefix = () => give(value);
        const { token } = await loggedIn();
        expect(token).toMatch(expected);
        expect((await onlyRow()).tokenKey).toBe(token.slice(0, 15));
      });

      it.each([
        ['1', 1, 1],
        ['0, so that every login is refused', 0, 0],
        ['null, which is any number', null, 5],
        ['undefined, which is the option’s', undefined, 3],
      ])('sets the limit with getTokenLimitPerUser: %s', async (_name, value, limit) => {
        hooks.getTokenLimitPerUser = () => give(value);
        for (let i = 0; i < limit; i++) await loggedIn();
        if (value !== null) {
          const { status, body } = await login();
          expect([status, body]).toEqual([403, ERRORS.limitExceeded]);
        }
        expect(await test.rows.count()).toBe(limit);
      });

      it.each([
        ['a function', ({ username }: User) => ({ username }), { user: { username: 'john.doe' } }],
        ['an async one', async ({ id }: User) => id, { user: 1 }],
        ['null, which leaves the user out', null, {}],
        ['undefined, which is the option’s', undefined, { user: 'the option' }],
      ])('sets the serializer with getUserSerializer: %s', async (_name, value, expected) => {
        hooks.getUserSerializer = () => give(value);
        const body = await loggedIn();
        expect(body).toEqual({ expiry: 'the option', token: body.token, ...expected });
      });

      it.each([
        ['a string', 'soon', 'soon'],
        ['a number', 0, 0],
        ['null', null, null],
        ['undefined, which is the option’s', undefined, 'the option'],
      ])('sets the expiry with formatExpiry: %s', async (_name, value, expected) => {
        const seen: unknown[] = [];
        hooks.formatExpiry = (expiry) => {
          seen.push(expiry);
          return give(value);
        };
        expect((await loggedIn()).expiry).toBe(expected);
        expect(seen).toEqual([new Date(NOW + 2 * HOUR_MS)]);
      });

      it('makes the token with createToken', async () => {
        hooks.createToken = ({ user }) =>
          give(test.tokens.create(user, { prefix: 'made_', ttl: null }));
        expect((await loggedIn()).token).toMatch(/^made_/);
        expect((await onlyRow()).expiry).toBeNull();
      });

      it('makes the default token where createToken gives undefined', async () => {
        hooks.createToken = () => give(undefined);
        expect((await loggedIn()).token).toMatch(/^opt_/);
        expect(await test.rows.count()).toBe(1);
      });
    });

    it('may move the login, with the guards that it repeats', async () => {
      const good = await test.client.post('/moved/sign-in', { body: JOHN });
      expect([good.status, Object.keys(good.body)]).toEqual([201, ['expiry', 'token', 'user']]);
      const bad = await test.client.post('/moved/sign-in', { body: { ...JOHN, password: 'x' } });
      expect([bad.status, bad.body]).toEqual([401, ERRORS.invalidCredentials]);
      const broken = await test.client.post('/moved/sign-in', { body: '{"password":"x' });
      const message = 'The body must be a JSON object.';
      expect([broken.status, broken.body]).toEqual([400, badRequest(message)]);
      expect((await test.client.post('/moved/login', { body: JOHN })).status).toBe(404);
    });

    it('refuses every login where it has moved the login away from its guards', async () => {
      expect((await test.client.post('/open/sign-in', { body: JOHN })).status).toBe(500);
      expect(await test.rows.count()).toBe(0);
    });

    it('may choose TTL and limit by the user', async () => {
      hooks.getTokenTtl = ({ user }) => ((user as User).username === 'john.doe' ? '1h' : '8h');
      hooks.getTokenLimitPerUser = ({ user }) =>
        (user as User).username === 'john.doe' ? 1 : null;
      await loggedIn();
      expect((await login()).status).toBe(403);
      for (let i = 0; i < 4; i++) {
        const body = { ...JOHN, username: 'jane.doe' };
        expect((await test.client.post('/session/login', { body })).status).toBe(200);
      }
      const [janes] = await test.tokens.list(test.jane);
      expect(janes?.expiry).toEqual(new Date(NOW + 8 * HOUR_MS));
      await test.tokens.revokeAll(test.jane);
    });

    it.each<keyof Hooks>(['getTokenTtl', 'getTokenPrefix', 'getTokenLimitPerUser', 'createToken'])(
      'gives %s the request, the response and the user',
      async (name) => {
        const seen: LoginContext[] = [];
        hooks[name] = (context: unknown) => void seen.push(context as LoginContext);
        const answer = await test.client.post('/session/login', {
          body: JOHN,
          headers: { 'x-device': 'phone' },
        });
        expect(answer.status).toBe(200);
        expect(seen).toHaveLength(1);
        expect(seen[0]?.request.headers['x-device']).toBe('phone');
        expect(seen[0]?.response.header).toEqual(expect.any(Function));
        expect(seen[0]?.user).toBeInstanceOf(User);
        expect(seen[0]?.user).toEqual(test.john);
      },
    );
  },
);
