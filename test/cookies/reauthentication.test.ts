import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { STAGES } from '../support/databases.ts';
import { cookieHeader, cookiesOf, CROSS_SITE, tokenCookieOf } from '../support/cookies.ts';
import { JOHN } from '../support/credentials.ts';
import { badRequest, ERRORS } from '../support/errors.ts';
import type { Answer } from '../support/http-client.ts';
import { startSessionApp, type SessionApp } from '../support/session-app.ts';
import { SqlLog } from '../support/sql-log.ts';

describe.each(STAGES)(
  'reauthentication with the option cookie on %s with %s',
  (database, adapter) => {
    let test: SessionApp;
    let sql: SqlLog;
    let token: string;
    let verified = 0;
    beforeAll(async () => {
      test = await startSessionApp({
        database,
        adapter,
        knox: {
          cookie: true,
          verifyCredentials: async (username: string, password: string) => {
            verified += 1;
            const user = await test.users.findOneBy({ username });
            return user?.password === password ? user : null;
          },
        },
      });
      sql = new SqlLog(test.dataSource);
    });
    afterAll(() => test.close());
    beforeEach(async () => {
      ({ token } = await test.tokens.create(test.john));
      verified = 0;
      sql.clear();
    });

    const reauthenticate = (
      query: string,
      headers: object,
      body: unknown = JOHN,
    ): Promise<Answer> =>
      test.client.post(`/auth/reauthenticate${query}`, { headers: { ...headers }, body });
    const byHeader = () => ({ authorization: `Token ${token}` });
    const statusOf = async (value: string) =>
      (await test.client.get('/me', { headers: cookieHeader(value) })).status;

    it('sets the new cookie, if the old token came in one', async () => {
      const answer = await reauthenticate('', cookieHeader(token));
      expect([answer.status, Object.keys(answer.body)]).toEqual([200, ['expiry']]);
      const { value, attributes } = tokenCookieOf(answer)!;
      expect(attributes).toContain('Max-Age=36000');
      expect(answer.headers['cache-control']).toBe('no-store');
      expect([await statusOf(value), await statusOf(token)]).toEqual([200, 401]);
    });

    it('answers with the token, if the old one came in the header', async () => {
      const answer = await reauthenticate('', byHeader());
      expect(Object.keys(answer.body)).toEqual(['expiry', 'token']);
      expect(cookiesOf(answer)).toEqual([]);
    });

    it('does as ?transport= says', async () => {
      const inBody = await reauthenticate('?transport=header', cookieHeader(token));
      expect(Object.keys(inBody.body)).toEqual(['expiry', 'token']);
      expect(cookiesOf(inBody)).toEqual([]);

      ({ token } = await test.tokens.create(test.john));
      const inCookie = await reauthenticate('?transport=cookie', byHeader());
      expect(Object.keys(inCookie.body)).toEqual(['expiry']);
      expect(await statusOf(tokenCookieOf(inCookie)!.value)).toBe(200);
    });

    it('is a 400 for another transport, before anything is looked up', async () => {
      const answer = await reauthenticate('?transport=x', cookieHeader(token));
      expect([answer.status, answer.body]).toEqual([
        400,
        badRequest('"transport" must be cookie or header.'),
      ]);
      expect(sql.statements).toEqual([]);
    });

    it.each([
      ['in a cookie', '', () => cookieHeader(token)],
      ['that is to be put into a cookie', '?transport=cookie', byHeader],
    ])(
      'refuses another site’s page a token %s, before anything is looked up',
      async (_, query, headers) => {
        const answer = await reauthenticate(query, { ...headers(), ...CROSS_SITE });
        expect([answer.status, answer.body]).toEqual([403, ERRORS.crossOrigin]);
        expect(cookiesOf(answer)).toEqual([]);
        expect([sql.statements, verified]).toEqual([[], 0]);
        expect(await statusOf(token)).toBe(200);
      },
    );

    it('leaves the cookie alone, if it is refused', async () => {
      const body = { ...JOHN, password: 'x' };
      const answer = await reauthenticate('', cookieHeader(token), body);
      expect([answer.status, answer.body]).toEqual([401, ERRORS.invalidCredentials]);
      expect(cookiesOf(answer)).toEqual([]);
    });

    it('sees no cookie beside HTTP Basic', async () => {
      const [{ username, password }] = [JOHN];
      const answer = await test.client.post('/auth/reauthenticate', {
        headers: cookieHeader(token),
        basic: [username, password],
      });
      expect([answer.status, answer.body]).toEqual([401, ERRORS.notAuthenticated]);
    });
  },
);
