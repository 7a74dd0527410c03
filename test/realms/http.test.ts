import { Controller, Get, Inject, Post, UseGuards } from '@nestjs/common';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  AuthToken,
  CurrentToken,
  CurrentUser,
  getTokenServiceToken,
  InjectTokenService,
  KnoxAuthGuard,
  OptionalKnoxAuthGuard,
  Realm,
  TokenService,
} from '../../lib/index.ts';
import { PASSWORD } from '../support/app.ts';
import { STAGES } from '../support/databases.ts';
import { ERRORS } from '../support/errors.ts';
import { startRealmApp, type RealmApp } from '../support/realm-app.ts';
import { SqlLog } from '../support/sql-log.ts';
import { Staff, StaffToken } from '../support/staff.ts';
import { User } from '../support/users.ts';

const who = (user: object | undefined, token?: object) => ({
  username: (user as User | undefined)?.username ?? null,
  kind: user?.constructor.name ?? null,
  ...(token && { token: token.constructor.name }),
});

abstract class WhoController {
  @Get('inherited')
  @UseGuards(KnoxAuthGuard)
  inherited(@CurrentUser() user: object): object {
    return who(user);
  }

  @Get('inherited-api')
  @Realm('api')
  @UseGuards(KnoxAuthGuard)
  inheritedApi(@CurrentUser() user: object): object {
    return who(user);
  }
}

@Realm('staff')
abstract class StaffWhoController extends WhoController {}

@Controller('staff')
class StaffController extends StaffWhoController {
  @Get('me')
  @UseGuards(KnoxAuthGuard)
  me(@CurrentUser() user: Staff, @CurrentToken() token: StaffToken): object {
    return who(user, token);
  }

  @Get('optional')
  @UseGuards(OptionalKnoxAuthGuard)
  optional(@CurrentUser() user?: Staff): object {
    return who(user);
  }
}

@Controller('api')
class ApiController extends WhoController {
  @Get('staff')
  @Realm('staff')
  @UseGuards(KnoxAuthGuard)
  staff(@CurrentUser() user: object): object {
    return who(user);
  }

  @Get('either')
  @Realm('api', 'staff')
  @UseGuards(KnoxAuthGuard)
  either(@CurrentUser() user: object, @CurrentToken() token: object): object {
    return who(user, token);
  }

  @Get('either-staff-first')
  @Realm('staff', 'api')
  @UseGuards(OptionalKnoxAuthGuard)
  eitherOptional(@CurrentUser() user?: object): object {
    return who(user);
  }
}

@Controller('services')
class ServicesController {
  constructor(
    @InjectTokenService() readonly byDefault: TokenService,
    @InjectTokenService('staff') readonly staff: TokenService<StaffToken>,
    readonly byClass: TokenService,
  ) {}

  @Inject(getTokenServiceToken('api'))
  readonly api!: TokenService;

  @Post()
  async compare(): Promise<object> {
    return {
      same: this.byDefault === this.byClass && this.api === this.byClass,
      other: (this.staff as unknown) !== this.byClass,
    };
  }
}

const JOHN = { username: 'john.doe', kind: 'User' };
const BOB = { username: 'bob', kind: 'Staff' };
const CHALLENGES = {
  api: 'Token realm="api"',
  staff: 'Token realm="staff"',
} as const;
const badToken = (realm: keyof typeof CHALLENGES) => `${CHALLENGES[realm]}, error="invalid_token"`;

describe.each(STAGES)('two realms on %s over %s', (database, adapter) => {
  let test: RealmApp;
  let api: string;
  let staff: string;
  beforeAll(async () => {
    test = await startRealmApp({
      database,
      adapter,
      controllers: [StaffController, ApiController, ServicesController],
    });
  });
  beforeEach(async () => {
    ({ token: api } = await test.tokens.create(test.john));
    ({ token: staff } = await test.staffTokens.create(test.bob));
  });
  afterEach(async () => {
    await test.tokens.revokeAll(test.john);
    await test.staffTokens.revokeAll(test.bob);
  });
  afterAll(() => test.close());

  const get = async (path: string, token?: string) => {
    const { status, body, headers } = await test.client.get(path, {
      ...(token !== undefined && { token }),
    });
    return { status, body, challenge: headers['www-authenticate'] };
  };
  const refused = (realm: keyof typeof CHALLENGES) => ({
    status: 401,
    body: ERRORS.invalidToken,
    challenge: badToken(realm),
  });

  it('have users of the same id', () => {
    expect(test.bob.id).toBe(test.john.id);
  });

  it.each(['/staff/me', '/staff/inherited', '/api/staff'])(
    '%s takes tokens of the staff alone',
    async (path) => {
      expect(await get(path, staff)).toMatchObject({ status: 200, body: BOB });
      expect(await get(path, api)).toEqual(refused('staff'));
      expect(await get(path)).toEqual({
        status: 401,
        body: ERRORS.notAuthenticated,
        challenge: CHALLENGES.staff,
      });
    },
  );

  it.each(['/me', '/api/inherited', '/api/inherited-api', '/staff/inherited-api'])(
    '%s takes tokens of the default realm alone',
    async (path) => {
      const { status, body } = await get(path, api);
      expect([status, body.username]).toEqual([200, 'john.doe']);
      expect(await get(path, staff)).toEqual(refused('api'));
      expect((await get(path)).challenge).toBe(CHALLENGES.api);
    },
  );

  it('lets the optional guard of a realm pass nobody of another one', async () => {
    expect((await get('/staff/optional')).body).toEqual({ username: null, kind: null });
    expect((await get('/staff/optional', staff)).body).toEqual(BOB);
    expect(await get('/staff/optional', api)).toEqual(refused('staff'));
  });

  it.each([
    ['/api/either', 'api'],
    ['/api/either-staff-first', 'staff'],
  ] as const)('%s takes either token, with one lookup', async (path, first) => {
    const sql = new SqlLog(test.dataSource);
    expect((await get(path, api)).body).toMatchObject(JOHN);
    expect((await get(path, staff)).body).toMatchObject(BOB);
    expect(sql.statements).toEqual([
      expect.stringMatching(/^SELECT.*knox_auth_token/s),
      expect.stringMatching(/^SELECT.*staff_token/s),
    ]);
    sql.clear();
    expect(await get(path, 'f'.repeat(64))).toEqual(refused('api'));
    expect(await get(path, `st_${'f'.repeat(64)}`)).toEqual(refused('staff'));
    expect(sql.reads).toHaveLength(2);
    const { headers } = await test.client.get(path, { headers: { authorization: 'Token a b' } });
    expect(headers['www-authenticate']).toBe(badToken(first));
  });

  it('answers nobody where either may come in the name of the first', async () => {
    expect(await get('/api/either')).toEqual({
      status: 401,
      body: ERRORS.notAuthenticated,
      challenge: CHALLENGES.api,
    });
    expect((await get('/api/either-staff-first')).body).toEqual({ username: null, kind: null });
  });

  it('have logins of their own', async () => {
    const log = (path: string, username: string) =>
      test.client.post(`${path}/login`, { body: { username, password: PASSWORD } });
    const [john, bob] = [await log('/auth', 'john.doe'), await log('/staff/auth', 'bob')];
    expect([john.status, bob.status]).toEqual([200, 200]);
    expect(john.body.token).toMatch(/^[0-9a-f]{64}$/);
    expect(bob.body.token).toMatch(/^st_[0-9a-f]{64}$/);
    expect((await get('/staff/me', bob.body.token)).body).toEqual({ ...BOB, token: 'StaffToken' });
    for (const [path, username, challenge] of [
      ['/auth', 'bob', CHALLENGES.api],
      ['/staff/auth', 'john.doe', CHALLENGES.staff],
    ] as const) {
      const { status, body, headers } = await log(path, username);
      expect([status, body]).toEqual([401, ERRORS.invalidCredentials]);
      expect(headers['www-authenticate']).toBe(challenge);
    }
    const { headers } = await test.client.post('/staff/auth/login');
    expect(headers['www-authenticate']).toBe('Basic realm="staff", charset="UTF-8"');
  });

  it('log out their own tokens alone', async () => {
    for (const [path, token, realm] of [
      ['/auth/logoutall', staff, 'api'],
      ['/staff/auth/logoutall', api, 'staff'],
      ['/auth/logout', staff, 'api'],
    ] as const) {
      const { status, headers } = await test.client.post(path, { token });
      expect([status, headers['www-authenticate']]).toEqual([401, badToken(realm)]);
    }
    const one = await test.loginStaff();
    expect((await test.client.post('/staff/auth/logout', { token: one })).status).toBe(204);
    expect((await get('/staff/me', one)).status).toBe(401);
    expect((await test.client.post('/staff/auth/logoutall', { token: staff })).status).toBe(204);
    expect(await test.staffRows.count()).toBe(0);
    expect((await get('/me', api)).status).toBe(200);
  });

  it('answer a login and a logout whose body is not JSON, each on its own path', async () => {
    for (const [path, token] of [
      ['/auth', api],
      ['/staff/auth', staff],
    ] as const) {
      const login = await test.client.post(`${path}/login`, { body: '{"password":"hunter2"' });
      expect([login.status, login.body.message]).toEqual([400, 'The body must be a JSON object.']);
      expect(login.body.code).toBe('invalid_request');
      const logout = await test.client.post(`${path}/logout`, { token, body: '{"' });
      expect(logout.status).toBe(204);
    }
  });

  it('give many requests at once to their own users', async () => {
    const sql = new SqlLog(test.dataSource);
    const answers = await Promise.all(
      Array.from({ length: 40 }, (_, i) => get('/api/either', i % 2 === 0 ? api : staff)),
    );
    expect(answers.map(({ body }) => [body.username, body.token])).toEqual(
      answers.map((_, i) => (i % 2 === 0 ? ['john.doe', 'AuthToken'] : ['bob', 'StaffToken'])),
    );
    expect(sql.statements.every((statement) => statement.startsWith('SELECT'))).toBe(true);
  });

  it('have services that take their own users and tokens alone', async () => {
    expect((await test.client.post('/services')).body).toEqual({ same: true, other: true });
    const [staffToken] = await test.staffTokens.list(test.bob);
    const tokens = test.tokens as unknown as TokenService<StaffToken>;
    for (const refusal of [
      tokens.revokeAll(test.bob),
      tokens.list(test.bob),
      tokens.create(test.bob),
      tokens.revoke(staffToken!),
      test.staffTokens.revokeAll(test.john),
    ]) {
      await expect(refusal).rejects.toThrow(TypeError);
    }
    expect(await tokens.revoke(staff)).toBe(false);
    await expect(tokens.authenticate(staff)).rejects.toMatchObject({ code: 'invalid_token' });
    expect((await test.staffTokens.authenticate(staff)).user).toBeInstanceOf(Staff);
    expect((await test.tokens.authenticate(api)).authToken).toBeInstanceOf(AuthToken);
  });
});
