import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startApp, type AdapterName, type TestApp } from '../support/app.ts';
import { cookieHeader, COOKIE_NAME, cookiesOf, CROSS_SITE } from '../support/cookies.ts';
import { ERRORS } from '../support/errors.ts';
import { clearHooks, HookedController, hooks } from '../support/hooked-controller.ts';
import type { Answer } from '../support/http-client.ts';

const CLEARED = [
  {
    name: COOKIE_NAME,
    value: '',
    attributes: ['Max-Age=0', 'Path=/', 'HttpOnly', 'Secure', 'SameSite=Strict'],
  },
];

describe.each<AdapterName>(['express', 'fastify'])(
  'A logout with the option cookie on %s',
  (adapter) => {
    let test: TestApp;
    let token: string;
    beforeAll(async () => {
      test = await startApp({ adapter, controllers: [HookedController], knox: { cookie: true } });
    });
    beforeEach(async () => {
      clearHooks();
      ({ token } = await test.tokens.create(test.john));
    });
    afterAll(() => test.close());

    const post = (path: string, headers: Record<string, string>): Promise<Answer> =>
      test.client.post(path, { headers });

    describe.each(['/auth/logout', '/auth/logoutall'])('by %s', (path) => {
      it('ends the token, and has the browser forget the cookie', async () => {
        const answer = await post(path, cookieHeader(token));
        expect([answer.status, answer.text]).toEqual([204, '']);
        expect(cookiesOf(answer)).toEqual(CLEARED);
        expect(answer.headers['cache-control']).toBe('no-store');
        const after = await test.client.get('/me', { headers: cookieHeader(token) });
        expect([after.status, after.body]).toEqual([401, ERRORS.invalidToken]);
      });

      it.each([
        ['a token that is gone', () => cookieHeader('f'.repeat(64)), ERRORS.invalidToken],
        ['no token', () => ({}), ERRORS.notAuthenticated],
        [
          'two cookies',
          () => ({ cookie: [token, token].map((value) => cookieHeader(value).cookie).join('; ') }),
          ERRORS.ambiguousCookie,
        ],
        ['a bad header', () => ({ authorization: 'Token unknown' }), ERRORS.invalidToken],
      ])('has it forgotten too, if the answer is a 401 for %s', async (_, headers, error) => {
        const answer = await post(path, headers());
        expect([answer.status, answer.body]).toEqual([401, error]);
        expect(cookiesOf(answer)).toEqual(CLEARED);
        expect(answer.headers['cache-control']).toBe('no-store');
      });

      it('has nothing forgotten because another site’s page wants it', async () => {
        const answer = await post(path, CROSS_SITE);
        expect([answer.status, answer.body]).toEqual([401, ERRORS.notAuthenticated]);
        expect(cookiesOf(answer)).toEqual([]);
      });

      it('leaves the cookies of others in the answer', async () => {
        const hook = ({
          response,
        }: {
          response: { header(name: string, value: string): void };
        }) => {
          response.header('X-Bye', 'bye');
          return { bye: true };
        };
        hooks.getLogoutResponse = hook;
        hooks.getLogoutAllResponse = hook;
        const answer = await post(path.replace('auth', 'session'), cookieHeader(token));
        expect([answer.status, answer.body]).toEqual([200, { bye: true }]);
        expect(cookiesOf(answer)).toEqual(CLEARED);
      });
    });

    it('is the only 401 that has the cookie forgotten', async () => {
      const answer = await test.client.get('/me', { headers: cookieHeader('f'.repeat(64)) });
      expect([answer.status, cookiesOf(answer)]).toEqual([401, []]);
    });

    it('has the cookie of another session forgotten after a logout by header', async () => {
      const answer = await test.client.post('/auth/logout', { token });
      expect([answer.status, cookiesOf(answer)]).toEqual([204, CLEARED]);
    });
  },
);

describe('A logout without the option cookie', () => {
  it('sets none', async () => {
    const test = await startApp();
    const { token } = await test.tokens.create(test.john);
    for (const status of [204, 401]) {
      const answer = await test.client.post('/auth/logout', { token });
      expect([answer.status, cookiesOf(answer)]).toEqual([status, []]);
    }
    await test.close();
  });
});
