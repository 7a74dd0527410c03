import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startApp, type AdapterName, type TestApp } from '../support/app.ts';
import { BASIC_JOHN, JOHN, recordedCredentials } from '../support/credentials.ts';
import { badRequest, CHALLENGES, ERRORS } from '../support/errors.ts';
import type { Answer, Sending } from '../support/http-client.ts';
import { createExpired } from '../support/expired-token.ts';

const UNKNOWN = 'f'.repeat(64);
const ADAPTERS: AdapterName[] = ['express', 'fastify'];

/** Status, body and challenge: the documented parts of an error. */
function refusal({ status, body, headers }: Answer): [number, object, string | undefined] {
  return [status, body, headers['www-authenticate']];
}

describe.each(ADAPTERS)('the errors on %s', (adapter) => {
  let test: TestApp;
  const verifyCredentials = recordedCredentials(() => test);
  beforeAll(async () => {
    test = await startApp({ adapter, knox: { verifyCredentials, tokenLimitPerUser: 2 } });
    await test.users.save({ username: 'gone', password: JOHN.password, isActive: false });
  });
  beforeEach(() => {
    verifyCredentials.mockClear();
  });
  afterEach(() => test.tokens.revokeAll(test.john));
  afterAll(() => test.close());

  const GUARDED: [method: 'get' | 'post', path: string][] = [
    ['get', '/me'],
    ['post', '/auth/logout'],
    ['post', '/auth/logoutall'],
  ];

  describe.each(GUARDED)('a guarded route, %s %s', (method, path) => {
    const ask = (authorization?: string | string[]): Promise<Answer> =>
      test.client[method](path, { headers: authorization === undefined ? {} : { authorization } });

    it('refuses a request without credentials', async () => {
      const expected = [401, ERRORS.notAuthenticated, CHALLENGES.token];
      expect(refusal(await ask())).toEqual(expected);
    });

    it.each(['Bearer abc', 'Basic am9objpodW50ZXIy', 'Digest username="x"', 'Tokens abc', 'abc'])(
      'refuses another scheme’s header: %s',
      async (header) => {
        const expected = [401, ERRORS.notAuthenticated, CHALLENGES.token];
        expect(refusal(await ask(header))).toEqual(expected);
      },
    );

    it('refuses the scheme without a token', async () => {
      const expected = [401, ERRORS.emptyHeader, CHALLENGES.token];
      expect(refusal(await ask('Token'))).toEqual(expected);
    });

    it('refuses two tokens after the scheme', async () => {
      const { token } = await test.tokens.create(test.john);
      const expected = [401, ERRORS.ambiguousHeader, CHALLENGES.badToken];
      expect(refusal(await ask(`Token ${token} ${token}`))).toEqual(expected);
    });

    it('refuses two Authorization headers', async () => {
      const { token } = await test.tokens.create(test.john);
      const expected = [401, ERRORS.ambiguousHeader, CHALLENGES.badToken];
      expect(refusal(await ask([`Token ${token}`, `Token ${token}`]))).toEqual(expected);
      expect(refusal(await ask([`Token ${token}`, 'Bearer abc']))).toEqual(expected);
      expect(refusal(await ask(['Bearer abc', `Token ${token}`]))).toEqual(expected);
    });

    it('refuses a token that is unknown, malformed, revoked or expired with the same answer', async () => {
      const revoked = await test.tokens.create(test.john);
      await test.tokens.revoke(revoked.token);
      const expired = await createExpired(test.tokens, test.john);
      for (const token of [UNKNOWN, 'ümlaut', revoked.token, expired.token]) {
        const expected = [401, ERRORS.invalidToken, CHALLENGES.badToken];
        expect(refusal(await ask(`Token ${Buffer.from(token).toString('latin1')}`))).toEqual(
          expected,
        );
      }
    });

    it('refuses an inactive user’s good token', async () => {
      const { token } = await test.tokens.create(test.jane);
      await test.users.update(test.jane.id, { isActive: false });
      const expected = [401, ERRORS.userInactive, CHALLENGES.badToken];
      expect(refusal(await ask(`Token ${token}`))).toEqual(expected);
      await test.users.update(test.jane.id, { isActive: true });
      expect((await ask(`Token ${token}`)).status).toBeLessThan(300);
      await test.tokens.revokeAll(test.jane);
    });
  });

  describe('the login', () => {
    const login = (sending: Sending): Promise<Answer> => test.client.post('/auth/login', sending);

    it.each<[string, Sending]>([
      ['nothing at all', {}],
      ['an empty JSON object', { body: {} }],
      ['another scheme’s header alone', { headers: { authorization: 'Bearer abc' } }],
    ])('refuses %s, and asks for HTTP Basic', async (_, sending) => {
      const expected = [401, ERRORS.notAuthenticated, CHALLENGES.basic];
      expect(refusal(await login(sending))).toEqual(expected);
      expect(verifyCredentials).not.toHaveBeenCalled();
    });

    it('makes no token for a token', async () => {
      const { token } = await test.tokens.create(test.john);
      const expected = [401, ERRORS.notAuthenticated, CHALLENGES.basic];
      expect(refusal(await login({ token }))).toEqual(expected);
    });

    const WRONG: [string, string, string][] = [
      ['a wrong password', 'john.doe', 'hunter3'],
      ['an unknown user', 'nobody', JOHN.password],
      ['an inactive user', 'gone', JOHN.password],
      ['empty credentials', '', ''],
    ];

    it.each(WRONG)('refuses %s over HTTP Basic', async (_, username, password) => {
      const expected = [401, ERRORS.invalidCredentials, CHALLENGES.basic];
      expect(refusal(await login({ basic: [username, password] }))).toEqual(expected);
    });

    it.each(WRONG)(
      'refuses %s in JSON, without a Basic challenge',
      async (_, username, password) => {
        const expected = [401, ERRORS.invalidCredentials, CHALLENGES.token];
        expect(refusal(await login({ body: { username, password } }))).toEqual(expected);
      },
    );

    it('answers an unknown user, an inactive one and a wrong password alike, headers included', async () => {
      const varying = ({ headers: { date: _, ...headers }, ...rest }: Answer) => [headers, rest];
      const ways: ((username: string, password: string) => Sending)[] = [
        (username, password) => ({ body: { username, password } }),
        (username, password) => ({ basic: [username, password] }),
      ];
      for (const sending of ways) {
        const wrong = varying(await login(sending('john.doe', 'hunter3')));
        expect(varying(await login(sending('nobody', JOHN.password)))).toEqual(wrong);
        expect(varying(await login(sending('gone', JOHN.password)))).toEqual(wrong);
      }
      expect(await test.rows.count()).toBe(0);
    });

    it('refuses two Authorization headers', async () => {
      const authorization = [basic(), basic()];
      const expected = [401, ERRORS.ambiguousHeader, CHALLENGES.basic];
      expect(refusal(await login({ headers: { authorization } }))).toEqual(expected);
      expect(verifyCredentials).not.toHaveBeenCalled();
    });

    it('refuses two Authorization headers beside JSON, without a Basic challenge', async () => {
      const authorization = ['Bearer abc', 'Bearer def'];
      const [status, body, challenge] = refusal(
        await login({ headers: { authorization }, body: JOHN }),
      );
      expect([status, body]).toEqual([401, ERRORS.ambiguousHeader]);
      expect(challenge).toMatch(/^Token realm="api"/);
      expect(verifyCredentials).not.toHaveBeenCalled();
    });

    it('refuses Basic and body credentials together, though both are good', async () => {
      const message = 'Send the credentials with HTTP Basic or in the body, not both.';
      for (const body of [JOHN, { username: 'john.doe' }, { password: null }]) {
        const expected = [400, badRequest(message), undefined];
        expect(refusal(await login({ basic: BASIC_JOHN, body }))).toEqual(expected);
      }
      expect(verifyCredentials).not.toHaveBeenCalled();
    });

    it('refuses one login more than the limit', async () => {
      await test.login();
      await test.login();
      const expected = [403, ERRORS.limitExceeded, undefined];
      expect(refusal(await login({ body: JOHN }))).toEqual(expected);
      expect(refusal(await login({ basic: BASIC_JOHN }))).toEqual(expected);
      expect(await test.rows.count()).toBe(2);
    });
  });

  describe('a database that does not know the table', () => {
    it('is a 503 on every route, never a 401, and recovers without help', async () => {
      const token = await test.login();
      await test.dataSource.query('ALTER TABLE knox_auth_token RENAME TO away');
      const expected = [503, ERRORS.unavailable, undefined];
      expect(refusal(await test.client.get('/me', { token }))).toEqual(expected);
      expect(refusal(await test.client.post('/auth/logout', { token }))).toEqual(expected);
      expect(refusal(await test.client.post('/auth/logoutall', { token }))).toEqual(expected);
      expect(refusal(await test.client.post('/auth/login', { body: JOHN }))).toEqual(expected);
      await test.dataSource.query('ALTER TABLE away RENAME TO knox_auth_token');
      expect((await test.client.get('/me', { token })).status).toBe(200);
      expect(await test.rows.count()).toBe(1);
    });
  });
});

const basic = (): string => `Basic ${Buffer.from(BASIC_JOHN.join(':')).toString('base64')}`;
