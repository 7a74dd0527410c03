import { All, Controller, Post, Sse, UseGuards, type INestApplication } from '@nestjs/common';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { of, type Observable } from 'rxjs';
import { CurrentUser, KnoxAuthGuard, OptionalKnoxAuthGuard, Public } from '../../lib/index.ts';
import { startApp, type AdapterName, type TestApp } from '../support/app.ts';
import { cookieHeader, COOKIE_NAME, CROSS_SITE, tokenCookieOf } from '../support/cookies.ts';
import { JOHN } from '../support/credentials.ts';
import { ERRORS } from '../support/errors.ts';
import type { Answer } from '../support/http-client.ts';
import { sendRaw } from '../support/raw-socket.ts';
import { SqlLog } from '../support/sql-log.ts';
import type { User } from '../support/users.ts';

@Controller('notes')
@UseGuards(KnoxAuthGuard)
class NotesController {
  @All()
  note(@CurrentUser() user: User): object {
    return { username: user.username };
  }

  @Sse('events')
  events(@CurrentUser() user: User): Observable<{ data: string }> {
    return of({ data: user.username });
  }

  @Post('open')
  @Public()
  open(@CurrentUser() user?: User): object {
    return { username: user?.username ?? null };
  }
}

@Controller('drafts')
@UseGuards(OptionalKnoxAuthGuard)
class DraftsController {
  @Post()
  write(@CurrentUser() user?: User): object {
    return { username: user?.username ?? null };
  }
}

const TRUSTED = 'https://app.example.com';

/** What every parser of cookies leaves, of a token that the package has not read. */
function leaveCookies(app: INestApplication): void {
  app.use((request: { cookies?: object; headers: object }, _: unknown, next: () => void) => {
    const { 'x-parsed': parsed } = request.headers as { 'x-parsed'?: string };
    if (parsed !== undefined) request.cookies = { [COOKIE_NAME]: parsed };
    next();
  });
}

/** A middleware that lets clients choose the method of a request. */
function overrideMethods(app: INestApplication): void {
  app.use((request: { method: string; headers: object }, _: unknown, next: () => void) => {
    const { 'x-overridden': method } = request.headers as { 'x-overridden'?: string };
    if (method !== undefined) request.method = method;
    next();
  });
}

describe.each<AdapterName>(['express', 'fastify'])('The origin check on %s', (adapter) => {
  let test: TestApp;
  let sql: SqlLog;
  let token: string;
  let verified = 0;
  beforeAll(async () => {
    test = await startApp({
      adapter,
      controllers: [NotesController, DraftsController],
      knox: {
        cookie: { trustedOrigins: [TRUSTED] },
        verifyCredentials: async (username: string) => {
          verified += 1;
          return test.users.findOneBy({ username });
        },
      },
      configure: (app) => {
        leaveCookies(app);
        overrideMethods(app);
      },
    });
    sql = new SqlLog(test.dataSource);
  });
  beforeEach(async () => {
    ({ token } = await test.tokens.create(test.john));
    verified = 0;
    sql.clear();
  });
  afterAll(() => test.close());

  const own = () => ({ origin: test.client.url });
  const send = (method: string, path: string, headers: object = {}): Promise<Answer> =>
    test.client.send(path, { method, headers: { ...cookieHeader(token), ...headers } });
  const refused = ({ status, body }: Answer) => {
    expect([status, body]).toEqual([403, ERRORS.crossOrigin]);
  };

  it.each(['POST', 'PUT', 'PATCH', 'DELETE'])(
    'refuses a %s of another site’s page, before the database is asked',
    async (method) => {
      const answer = await send(method, '/notes', CROSS_SITE);
      refused(answer);
      expect(answer.headers['www-authenticate']).toBeUndefined();
      expect(answer.headers['set-cookie']).toBeUndefined();
      expect(sql.statements).toEqual([]);
    },
  );

  it.each([
    ['no Origin, but Sec-Fetch-Site: cross-site', { 'sec-fetch-site': 'cross-site' }],
    ['no Origin, but Sec-Fetch-Site: same-site', { 'sec-fetch-site': 'same-site' }],
    ['Origin: null', { origin: 'null' }],
    ['a host that begins as ours', { origin: 'http://127.0.0.1.evil.example' }],
    ['another port', { origin: 'http://127.0.0.1:1' }],
    ['our host as forwarded', { origin: 'http://a.example', 'x-forwarded-host': 'a.example' }],
  ])('refuses a write with %s', async (_, headers) => {
    refused(await send('POST', '/notes', headers));
    expect(sql.statements).toEqual([]);
  });

  it('refuses a write with two Origins, two Hosts or two Sec-Fetch-Sites', async () => {
    const { host } = new URL(test.client.url);
    for (const twice of [
      `Host: ${host}\r\nHost: ${host}\r\nOrigin: http://${host}`,
      `Host: ${host}\r\nOrigin: http://${host}\r\nOrigin: http://${host}`,
      `Host: ${host}\r\nSec-Fetch-Site: same-origin\r\nSec-Fetch-Site: same-origin`,
    ]) {
      const { cookie } = cookieHeader(token);
      const lines = ['POST /notes HTTP/1.1', twice, `Cookie: ${cookie}`, 'Connection: close'];
      const { status } = await sendRaw(test.client.url, `${lines.join('\r\n')}\r\n\r\n`);
      expect(status).toBe(403);
    }
  });

  it('lets pass a write of its own page, of a trusted one, and of no page', async () => {
    for (const headers of [
      own(),
      { 'sec-fetch-site': 'same-origin' },
      { 'sec-fetch-site': 'none' },
      { origin: TRUSTED, 'sec-fetch-site': 'cross-site' },
      {},
    ]) {
      const { status, body } = await send('POST', '/notes', headers);
      expect([status, body]).toEqual([200, { username: 'john.doe' }]);
    }
  });

  it('does not ask where a request comes from that only reads', async () => {
    for (const path of ['/notes', '/me']) {
      expect((await send('GET', path, CROSS_SITE)).status).toBe(200);
      expect((await send('HEAD', path, CROSS_SITE)).status).toBe(200);
    }
    expect((await send('OPTIONS', '/notes', CROSS_SITE)).status).toBe(200);
    const events = await send('GET', '/notes/events', CROSS_SITE);
    expect([events.status, events.text.trim()]).toEqual([200, expect.stringMatching(/john\.doe$/)]);
  });

  it('goes by the method that the server answers, whatever a header says', async () => {
    refused(await send('POST', '/notes', { ...CROSS_SITE, 'x-http-method-override': 'GET' }));
    refused(await send('GET', '/notes', { ...CROSS_SITE, 'x-overridden': 'DELETE' }));
  });

  it('is asked of no request that the Authorization header authenticates', async () => {
    const authorization = `Token ${token}`;
    const { status } = await send('POST', '/notes', { ...CROSS_SITE, authorization });
    expect(status).toBe(200);
  });

  it('refuses a write on a route where credentials are optional', async () => {
    refused(await send('POST', '/drafts', CROSS_SITE));
    const headers = { cookie: 'theme=dark', ...CROSS_SITE };
    const { status, body } = await test.client.post('/drafts', { headers });
    expect([status, body]).toEqual([201, { username: null }]);
  });

  it('is asked of no public route, which has no user', async () => {
    const { status, body } = await send('POST', '/notes/open', CROSS_SITE);
    expect([status, body]).toEqual([201, { username: null }]);
  });

  it('reads the header, and not what a parser of cookies has left', async () => {
    const { status, body } = await test.client.get('/me', { headers: { 'x-parsed': token } });
    expect([status, body]).toEqual([401, ERRORS.notAuthenticated]);
    expect((await send('GET', '/me', { 'x-parsed': 'unknown' })).status).toBe(200);
  });

  describe('of a login', () => {
    const login = (headers: object, query = '') =>
      test.client.post(`/auth/login${query}`, { body: JOHN, headers: { ...headers } });

    it.each([
      ['another site', CROSS_SITE],
      ['no Origin, but Sec-Fetch-Site: cross-site', { 'sec-fetch-site': 'cross-site' }],
      ['Origin: null', { origin: 'null' }],
    ])('refuses one of %s, before the credentials are verified', async (_, headers) => {
      for (const query of ['', '?transport=cookie']) {
        const answer = await login(headers, query);
        refused(answer);
        expect(answer.headers['set-cookie']).toBeUndefined();
      }
      expect(sql.statements).toEqual([]);
      expect(verified).toBe(0);
    });

    it('lets pass one of its own page and of a trusted one', async () => {
      for (const headers of [own(), { origin: TRUSTED }, {}]) {
        const answer = await login(headers);
        expect([answer.status, tokenCookieOf(answer)?.name]).toEqual([200, COOKIE_NAME]);
      }
    });

    it('is not asked of one that sets no cookie', async () => {
      const answer = await login(CROSS_SITE, '?transport=header');
      expect([answer.status, answer.headers['set-cookie']]).toEqual([200, undefined]);
    });
  });

  describe('of a logout', () => {
    it.each(['/auth/logout', '/auth/logoutall'])(
      'refuses %s of another site, and leaves token and cookie alone',
      async (path) => {
        const answer = await send('POST', path, CROSS_SITE);
        refused(answer);
        expect(answer.headers['set-cookie']).toBeUndefined();
        expect((await send('GET', '/me')).status).toBe(200);
      },
    );
  });
});
