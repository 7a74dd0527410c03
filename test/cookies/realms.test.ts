import { Controller, Get, Post, UseGuards } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { JwtModule, JwtService } from '@nestjs/jwt';
import {
  AuthToken,
  CurrentUser,
  KnoxAuthGuard,
  KnoxConfigError,
  OptionalKnoxAuthGuard,
  Realm,
  type CookieOptions,
} from '../../lib/index.ts';
import { PASSWORD, type AdapterName } from '../support/app.ts';
import { cookieHeader, cookiesOf, CROSS_SITE } from '../support/cookies.ts';
import { ERRORS } from '../support/errors.ts';
import type { Answer } from '../support/http-client.ts';
import { startRealmApp, type RealmApp } from '../support/realm-app.ts';
import { SqlLog } from '../support/sql-log.ts';
import { Staff, StaffToken } from '../support/staff.ts';
import {
  closeModules,
  knox,
  memoryDatabase,
  startError,
  startModule,
} from '../support/test-module.ts';
import { User } from '../support/users.ts';

const who = (user?: { username: string }) => ({ username: user?.username ?? null });

@Controller('pages')
class PagesController {
  @Get('api')
  @UseGuards(KnoxAuthGuard)
  api(@CurrentUser() user: User): object {
    return who(user);
  }

  @Get('staff')
  @Realm('staff')
  @UseGuards(KnoxAuthGuard)
  staff(@CurrentUser() user: User): object {
    return who(user);
  }

  @Get('either')
  @Realm('api', 'staff')
  @UseGuards(KnoxAuthGuard)
  either(@CurrentUser() user: User): object {
    return who(user);
  }

  @Get('staff-first')
  @Realm('staff', 'api')
  @UseGuards(KnoxAuthGuard)
  staffFirst(@CurrentUser() user: User): object {
    return who(user);
  }

  @Post('either-writes')
  @Realm('api', 'staff')
  @UseGuards(OptionalKnoxAuthGuard)
  eitherWrites(@CurrentUser() user?: User): object {
    return who(user);
  }

  @Get('passport')
  @UseGuards(AuthGuard(['knox', 'knox-staff']))
  passport(@CurrentUser() user: User): object {
    return who(user);
  }

  @Post('passport')
  @UseGuards(AuthGuard(['knox', 'knox-staff']))
  passportWrites(@CurrentUser() user: User): object {
    return who(user);
  }
}

const STAFF_COOKIE = 'staff-session';
const JOHN = { username: 'john.doe' };
const BOB = { username: 'bob' };

describe.each<AdapterName>(['express', 'fastify'])('Two realms with cookies on %s', (adapter) => {
  let test: RealmApp;
  let sql: SqlLog;
  let api: string;
  let staff: string;
  beforeAll(async () => {
    test = await startRealmApp({
      adapter,
      controllers: [PagesController],
      imports: [JwtModule.register({ secret: 'a secret for tests' })],
      knox: { cookie: true },
      staff: { cookie: { name: STAFF_COOKIE, trustedOrigins: ['https://desk.example.com'] } },
    });
    sql = new SqlLog(test.dataSource);
  });
  beforeEach(async () => {
    ({ token: api } = await test.tokens.create(test.john));
    ({ token: staff } = await test.staffTokens.create(test.bob));
    sql.clear();
  });
  afterAll(() => test.close());

  const apiCookie = (token = api) => cookieHeader(token).cookie;
  const staffCookie = (token = staff) => cookieHeader(token, STAFF_COOKIE).cookie;
  const get = async (page: string, cookies: string[], headers = {}) => {
    const all = { cookie: cookies.join('; '), ...headers };
    const { status, body } = await test.client.get(`/pages/${page}`, { headers: all });
    return [status, body];
  };
  const post = async (page: string, cookies: string[], headers = {}) => {
    const all = { cookie: cookies.join('; '), ...headers };
    const { status, body } = await test.client.post(`/pages/${page}`, { headers: all });
    return [status, body];
  };

  it('have a login and a logout each', async () => {
    const login = (path: string, username: string): Promise<Answer> =>
      test.client.post(`${path}/login`, { body: { username, password: PASSWORD } });
    const names = async (answer: Promise<Answer>) =>
      cookiesOf(await answer).map(({ name }) => name);
    expect(await names(login('/auth', 'john.doe'))).toEqual(['__Host-Http-session']);
    expect(await names(login('/staff/auth', 'bob'))).toEqual([STAFF_COOKIE]);
    const logout = await test.client.post('/staff/auth/logout', {
      headers: { cookie: `${apiCookie()}; ${staffCookie()}` },
    });
    expect(logout.status).toBe(204);
    expect(cookiesOf(logout)).toMatchObject([{ name: STAFF_COOKIE, value: '' }]);
    expect(await get('api', [apiCookie(), staffCookie()])).toEqual([200, JOHN]);
    expect(await get('staff', [staffCookie()])).toEqual([401, ERRORS.invalidToken]);
  });

  it('read their own cookie', async () => {
    const both = [apiCookie(), staffCookie()];
    expect(await get('api', both)).toEqual([200, JOHN]);
    expect(await get('staff', both)).toEqual([200, BOB]);
    expect(await get('staff', [apiCookie()])).toEqual([401, ERRORS.notAuthenticated]);
  });

  it('are told apart by the cookie on a route of both, with one lookup', async () => {
    expect(await get('either', [staffCookie()])).toEqual([200, BOB]);
    expect(await get('either', [apiCookie()])).toEqual([200, JOHN]);
    expect(sql.reads).toHaveLength(2);
    expect(await get('either', [])).toEqual([401, ERRORS.notAuthenticated]);
  });

  it('take the cookie of the realm that is named first, if there are both', async () => {
    for (const both of [
      [apiCookie(), staffCookie()],
      [staffCookie(), apiCookie()],
    ]) {
      expect(await get('either', both)).toEqual([200, JOHN]);
      expect(await get('staff-first', both)).toEqual([200, BOB]);
    }
  });

  it('refuse a token in the cookie of the other', async () => {
    expect(await get('either', [apiCookie(staff)])).toEqual([401, ERRORS.invalidToken]);
    expect(await get('either', [staffCookie(api)])).toEqual([401, ERRORS.invalidToken]);
    expect(await get('either', [apiCookie('x'), staffCookie()])).toEqual([
      401,
      ERRORS.invalidToken,
    ]);
  });

  it('read no cookie beside an Authorization header', async () => {
    const authorization = `Token ${staff}`;
    expect(await get('either', [apiCookie()], { authorization })).toEqual([200, BOB]);
    expect(await get('either', [apiCookie()], { authorization: 'Bearer x' })).toEqual([
      401,
      ERRORS.notAuthenticated,
    ]);
  });

  it('trust the origins of the realm whose cookie counts', async () => {
    const desk = { origin: 'https://desk.example.com' };
    expect(await post('either-writes', [staffCookie()], desk)).toEqual([201, BOB]);
    sql.clear();
    const refused = [403, ERRORS.crossOrigin];
    expect(await post('either-writes', [apiCookie(), staffCookie()], desk)).toEqual(refused);
    expect(await post('either-writes', [staffCookie()], CROSS_SITE)).toEqual(refused);
    expect(sql.statements).toEqual([]);
  });

  it('are asked one after the other through Passport', async () => {
    expect(await get('passport', [apiCookie()])).toEqual([200, JOHN]);
    expect(await get('passport', [staffCookie()])).toEqual([200, BOB]);
    expect(await post('passport', [staffCookie()], CROSS_SITE)).toEqual([403, ERRORS.crossOrigin]);
    const bad = [401, ERRORS.invalidToken];
    expect(await get('passport', [apiCookie(staff), staffCookie()])).toEqual(bad);
    const jwt = test.app.get(JwtService).sign({});
    expect(await get('passport', [apiCookie(jwt), staffCookie()])).toEqual(bad);
  });
});

describe('Two realms at the start', () => {
  afterEach(closeModules);

  const modules = (api: true | CookieOptions, staff: true | CookieOptions) => ({
    imports: [
      memoryDatabase({ entities: [User, AuthToken, Staff, StaffToken] }),
      knox({ cookie: api }),
      knox({
        realm: 'staff',
        tokenEntity: StaffToken,
        path: 'staff/auth',
        tokenPrefix: 'st_',
        cookie: staff,
      }),
    ],
  });

  it.each<[string, true | CookieOptions, true | CookieOptions]>([
    ['by default', true, true],
    ['by name', { name: 'sid' }, { name: 'sid', secure: false }],
    ['on a path under the other', { name: 'sid' }, { name: 'sid', path: '/staff' }],
    ['on a path over the other', { name: 'sid', path: '/a/b/' }, { name: 'sid', path: '/a' }],
    [
      'on a domain under the other',
      { name: 'sid', domain: 'example.com' },
      { name: 'sid', domain: '.desk.EXAMPLE.com' },
    ],
    ['on one host of a domain', { name: 'sid' }, { name: 'sid', domain: 'example.com' }],
  ])('stop it with cookies of one name: %s', async (_, api, staff) => {
    const error = (await startError(modules(api, staff))) as KnoxConfigError;
    expect(error).toBeInstanceOf(KnoxConfigError);
    expect(error.option).toBe('cookie');
    expect(error.message).toMatch(
      /the realms '\w+' and '\w+' have cookies of one name; give one another name/,
    );
  });

  it.each<[string, true | CookieOptions, true | CookieOptions]>([
    ['of other names', true, { name: '__Host-staff' }],
    ['on other paths', { name: 'sid', path: '/app' }, { name: 'sid', path: '/application' }],
    [
      'on other domains',
      { name: 'sid', domain: 'example.com' },
      { name: 'sid', domain: 'desk-example.com' },
    ],
  ])('may have cookies %s', async (_, api, staff) => {
    expect(await startModule(modules(api, staff))).toBeDefined();
  });
});
