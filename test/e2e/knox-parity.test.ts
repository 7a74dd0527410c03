import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { EventEmitterModule, OnEvent } from '@nestjs/event-emitter';
import type { KnoxModuleOptions } from '../../lib/index.ts';
import { TokenExpiredEvent } from '../../lib/index.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { freezeTime, restoreTime } from '../support/clock.ts';
import { BASIC_JOHN } from '../support/credentials.ts';
import { ERRORS } from '../support/errors.ts';
import type { Answer } from '../support/http-client.ts';
import type { User } from '../support/users.ts';

const HOUR_MS = 3_600_000;
const START = Date.UTC(2018, 6, 25);

let test: TestApp;
const expired: TokenExpiredEvent[] = [];

class ExpiryListener {
  @OnEvent(TokenExpiredEvent.eventName)
  onExpired(event: TokenExpiredEvent): void {
    expired.push(event);
  }
}

/** Starts an application for all tests of this block. Deletes all tokens after each. */
function withOptions(knox: KnoxModuleOptions = {}): void {
  beforeAll(async () => {
    const imports = [EventEmitterModule.forRoot()];
    test = await startApp({ knox, imports, providers: [ExpiryListener] });
  });
  afterEach(async () => {
    restoreTime();
    expired.length = 0;
    await test.dataSource.query('DELETE FROM knox_auth_token');
  });
  afterAll(() => test.close());
}

const login = (): Promise<Answer> =>
  test.client.post('/auth/login', { basic: BASIC_JOHN, body: {} });
const me = (token: string, scheme = 'Token'): Promise<Answer> =>
  test.client.get('/me', { headers: { authorization: `${scheme} ${token}` } });
const create = async (count: number, user = test.john, ttl?: number | null): Promise<string[]> => {
  const tokens: string[] = [];
  for (let i = 0; i < count; i++) tokens.push((await test.tokens.create(user, { ttl })).token);
  return tokens;
};
/** Makes tokens that live for a second, and lets that pass. */
const createExpired = async (count: number): Promise<string[]> => {
  const tokens = await create(count, test.john, 1_000);
  freezeTime(Date.now() + 1_000);
  return tokens;
};
const onlyExpiry = async (): Promise<number | undefined> =>
  (await test.rows.findOneByOrFail({})).expiry?.getTime();

describe('knox’s test_views.py', () => {
  describe('LoginViewTestCase', () => {
    withOptions();

    it('login_creates_keys', async () => {
      for (let i = 0; i < 5; i++) expect((await login()).status).toBe(200);
      const keys = (await test.rows.find()).map(({ tokenKey }) => tokenKey.length);
      expect(keys).toEqual([15, 15, 15, 15, 15]);
    });

    it('login_returns_serialized_token', async () => {
      const { status, body } = await login();
      expect(status).toBe(200);
      expect(Object.keys(body)).toEqual(['expiry', 'token']);
    });
  });

  describe('LoginViewTestCase, USER_SERIALIZER and EXPIRY_DATETIME_FORMAT', () => {
    withOptions({
      userSerializer: ({ username }: User) => ({ username }),
      formatExpiry: (expiry) => expiry?.toISOString().slice(11, 16) ?? null,
    });

    it('login_returns_serialized_token_and_username_field', async () => {
      const { status, body } = await login();
      expect([status, typeof body.token]).toEqual([200, 'string']);
      expect(body.user).toEqual({ username: 'john.doe' });
    });

    it('login_returns_configured_expiry_datetime_format', async () => {
      freezeTime(START);
      const { status, body } = await login();
      expect([status, body.expiry]).toEqual([200, '10:00']);
    });
  });

  describe('LogoutViewsTestCase', () => {
    withOptions();

    it('logout_deletes_keys', async () => {
      const [token] = await create(2);
      expect((await test.client.post('/auth/logout', { token, body: {} })).status).toBe(204);
      expect(await test.rows.count()).toBe(1);
    });

    it('logout_all_deletes_keys', async () => {
      const [token] = await create(10);
      expect((await test.client.post('/auth/logoutall', { token, body: {} })).status).toBe(204);
      expect(await test.rows.count()).toBe(0);
    });

    it('logout_all_deletes_only_targets_keys', async () => {
      const [token] = await create(10);
      await create(10, test.jane);
      expect((await test.client.post('/auth/logoutall', { token, body: {} })).status).toBe(204);
      expect(await test.rows.count()).toBe(10);
      expect(await test.tokens.list(test.jane)).toHaveLength(10);
    });
  });

  describe('TokenAuthenticationTestCase', () => {
    withOptions();

    it('expired_tokens_login_fails', async () => {
      const [token] = await createExpired(1);
      const { status, body } = await me(token!);
      expect([status, body]).toEqual([401, ERRORS.invalidToken]);
    });

    it('expired_tokens_deleted', async () => {
      const [token] = await createExpired(10);
      expect(await test.rows.count()).toBe(10);
      expect((await test.client.post('/auth/logout', { token, body: {} })).status).toBe(401);
      expect(await test.rows.count()).toBe(0);
    });

    it('update_token_key', async () => {
      const [token] = await create(1);
      const { authToken } = await test.tokens.authenticate(token!);
      expect(authToken.tokenKey).toBe(token!.slice(0, 15));
    });

    it.each([
      ['authorization_header_empty', '', ERRORS.notAuthenticated],
      ['authorization_header_prefix_only', 'Token', ERRORS.emptyHeader],
      [
        'authorization_header_spaces_in_token_string',
        'Token wordone wordtwo',
        ERRORS.ambiguousHeader,
      ],
      ['invalid_token_length_returns_401_code', `Token ${'1'.repeat(14)}`, ERRORS.invalidToken],
    ])('%s', async (_, authorization, error) => {
      const { status, body } = await test.client.get('/me', { headers: { authorization } });
      expect([status, body]).toEqual([401, error]);
    });

    it('invalid_odd_length_token_returns_401_code', async () => {
      const [token] = await create(1);
      const { status, body } = await me(`${token!}1`);
      expect([status, body]).toEqual([401, ERRORS.invalidToken]);
    });

    it('token_expiry_is_not_extended_with_auto_refresh_deactivated', async () => {
      freezeTime(START);
      const [token] = await create(1);
      freezeTime(START + HOUR_MS);
      expect((await me(token!)).status).toBe(200);
      expect(await onlyExpiry()).toBe(START + 10 * HOUR_MS);
    });

    it('expiry_signals', async () => {
      const [token] = await createExpired(1);
      expect((await me(token!)).status).toBe(401);
      expect(expired).toEqual([expect.any(TokenExpiredEvent)]);
      expect(expired[0]).toMatchObject({ user: { username: 'john.doe' }, count: 1 });
    });

    it('expiry_is_present', async () => {
      const { status, body } = await login();
      expect(status).toBe(200);
      expect(Date.parse(body.expiry)).toBe(await onlyExpiry());
    });
  });

  describe('TokenAuthenticationTestCase, AUTO_REFRESH', () => {
    withOptions({ autoRefresh: true });

    it('token_expiry_is_extended_with_auto_refresh_activated', async () => {
      freezeTime(START);
      const [token] = await create(1);
      freezeTime(START + 5 * HOUR_MS);
      expect((await me(token!)).status).toBe(200);
      expect(await onlyExpiry()).toBe(START + 15 * HOUR_MS);
      freezeTime(START + 11 * HOUR_MS);
      expect((await me(token!)).status).toBe(200);
      freezeTime((await onlyExpiry())! + 1_000);
      expect((await me(token!)).status).toBe(401);
    });

    it('token_expiry_is_not_extended_within_MIN_REFRESH_INTERVAL', async () => {
      freezeTime(START);
      const [token] = await create(1);
      freezeTime(START + 50_000);
      expect((await me(token!)).status).toBe(200);
      expect(await onlyExpiry()).toBe(START + 10 * HOUR_MS);
    });
  });

  describe('TokenAuthenticationTestCase, AUTO_REFRESH_MAX_TTL', () => {
    withOptions({ autoRefresh: true, autoRefreshMaxTtl: '12h' });

    it('token_expiry_is_not_extended_past_max_ttl', async () => {
      freezeTime(START);
      const [token] = await create(1);
      freezeTime(START + 5 * HOUR_MS);
      expect((await me(token!)).status).toBe(200);
      expect(await onlyExpiry()).toBe(START + 12 * HOUR_MS);
      freezeTime(START + 12 * HOUR_MS + 1_000);
      expect((await me(token!)).status).toBe(401);
    });
  });

  describe('TokenAuthenticationTestCase, TOKEN_LIMIT_PER_USER', () => {
    withOptions({ tokenLimitPerUser: 10 });

    it('exceed_token_amount_per_user', async () => {
      await create(5);
      await create(5, test.john, null);
      const { status, body } = await login();
      expect([status, body]).toEqual([403, ERRORS.limitExceeded]);
      expect(await test.rows.count()).toBe(10);
    });

    it('does_not_exceed_on_expired_keys', async () => {
      await create(9);
      await createExpired(1);
      expect((await login()).status).toBe(200);
      const { status, body } = await login();
      expect([status, body]).toEqual([403, ERRORS.limitExceeded]);
    });
  });

  describe('TokenAuthenticationTestCase, AUTH_HEADER_PREFIX, TOKEN_TTL and TOKEN_PREFIX', () => {
    withOptions({ authHeaderPrefix: 'Baerer', tokenTtl: null, tokenPrefix: 'TEST_' });

    it('invalid_prefix_return_401', async () => {
      const [token] = await create(1);
      const { status, body } = await me(token!);
      expect([status, body]).toEqual([401, ERRORS.notAuthenticated]);
      expect((await me(token!, 'Baerer')).status).toBe(200);
    });

    it('expiry_present_also_when_none', async () => {
      const { status, body } = await login();
      expect([status, body]).toEqual([200, { expiry: null, token: expect.any(String) }]);
    });

    it('login_returns_serialized_token_with_prefix_when_prefix_set', async () => {
      expect((await login()).body.token).toMatch(/^TEST_[0-9a-f]{64}$/);
    });

    it('token_with_prefix_returns_200', async () => {
      const { token } = (await login()).body;
      expect((await me(token, 'Baerer')).status).toBe(200);
    });

    it('tokens_created_before_prefix_still_work', async () => {
      const { token } = await test.tokens.create(test.john, { prefix: '' });
      expect(token).toMatch(/^[0-9a-f]{64}$/);
      expect((await me(token, 'Baerer')).status).toBe(200);
    });
  });
});
