import { Controller, Get, Injectable, Module, Req, UseGuards } from '@nestjs/common';
import { JwtModule, JwtService } from '@nestjs/jwt';
import { AuthGuard, PassportStrategy } from '@nestjs/passport';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Strategy as CustomStrategy } from 'passport-custom';
import { ExtractJwt, Strategy as JwtPassportStrategy } from 'passport-jwt';
import { Strategy as LocalPassportStrategy } from 'passport-local';
import { DataSource } from 'typeorm';
import {
  AuthToken,
  CurrentToken,
  CurrentUser,
  KnoxAuthGuard,
  type KnoxRequest,
} from '../../lib/index.ts';
import { startApp, type AdapterName, type TestApp } from '../support/app.ts';
import { JOHN } from '../support/credentials.ts';
import { ERRORS } from '../support/errors.ts';
import type { Answer } from '../support/http-client.ts';
import { SqlLog } from '../support/sql-log.ts';
import { User } from '../support/users.ts';

const SECRET = 'a secret for tests';

@Injectable()
class JwtStrategy extends PassportStrategy(JwtPassportStrategy, 'jwt') {
  constructor() {
    super({ jwtFromRequest: ExtractJwt.fromAuthHeaderAsBearerToken(), secretOrKey: SECRET });
  }

  validate({ sub }: { sub: string }): object {
    return { username: `${sub} by JWT` };
  }
}

/** Accepts every request, to show whether it is called. */
@Injectable()
class AnyoneStrategy extends PassportStrategy(CustomStrategy, 'anyone') {
  validate(): object {
    return { username: 'anyone' };
  }
}

/** Answers with the user and the token on the request. */
function found({ user, authInfo, authToken }: KnoxRequest): object {
  return {
    username: (user as User).username,
    isUser: user instanceof User,
    hasToken: authToken instanceof AuthToken,
    infoIsToken: authInfo === authToken,
  };
}

@Controller('passport')
class PassportController {
  @Get('knox')
  @UseGuards(AuthGuard('knox'))
  knox(@Req() request: KnoxRequest): object {
    return found(request);
  }

  @Get('chain')
  @UseGuards(AuthGuard(['knox', 'jwt']))
  chain(@Req() request: KnoxRequest): object {
    return found(request);
  }

  @Get('jwt-first')
  @UseGuards(AuthGuard(['jwt', 'knox']))
  jwtFirst(@Req() request: KnoxRequest): object {
    return found(request);
  }

  @Get('anyone')
  @UseGuards(AuthGuard(['knox', 'anyone']))
  anyone(@Req() request: KnoxRequest): object {
    return found(request);
  }

  @Get('both-guards')
  @UseGuards(AuthGuard('knox'), KnoxAuthGuard)
  bothGuards(@Req() request: KnoxRequest): object {
    return found(request);
  }
}

const BY_TOKEN = { username: 'john.doe', isUser: true, hasToken: true, infoIsToken: true };
const BY_JWT = { username: 'jane by JWT', isUser: false, hasToken: false };
const PASSPORTS_OWN = { statusCode: 401, message: 'Unauthorized' };

describe.each<[AdapterName, string]>([
  ['express', 'Token'],
  ['fastify', 'Token'],
  ['express', 'Bearer'],
])('the strategy "knox" on %s under the scheme %s', (adapter, scheme) => {
  let test: TestApp;
  let token: string;
  let jwt: string;
  beforeAll(async () => {
    test = await startApp({
      adapter,
      knox: { authHeaderPrefix: scheme },
      imports: [JwtModule.register({ secret: SECRET })],
      controllers: [PassportController],
      providers: [JwtStrategy, AnyoneStrategy],
    });
    jwt = test.app.get(JwtService).sign({ sub: 'jane' });
  });
  beforeEach(async () => {
    ({ token } = await test.tokens.create(test.john));
  });
  afterEach(() => test.tokens.revokeAll(test.john));
  afterAll(() => test.close());

  const get = (path: string, authorization?: string | string[]): Promise<Answer> =>
    test.client.get(`/passport/${path}`, {
      headers: authorization === undefined ? {} : { authorization },
    });

  it.each(['knox', 'chain', 'jwt-first', 'anyone', 'both-guards'])(
    'lets a good token through: %s',
    async (path) => {
      const { status, body } = await get(path, `${scheme} ${token}`);
      expect([status, body]).toEqual([200, BY_TOKEN]);
    },
  );

  it.each(['chain', 'jwt-first'])('leaves a JWT to its own strategy: %s', async (path) => {
    const { status, body } = await get(path, `Bearer ${jwt}`);
    expect([status, body]).toEqual([200, expect.objectContaining(BY_JWT)]);
  });

  it.each(['knox', 'chain', 'jwt-first'])('fails without credentials: %s', async (path) => {
    const { status, body } = await get(path);
    expect([status, body]).toEqual([401, PASSPORTS_OWN]);
  });

  it('leaves another scheme and a value with a dot to the next strategy', async () => {
    const sql = new SqlLog(test.dataSource);
    for (const header of [undefined, 'Other x', 'Basic eDp5', `${scheme} a.b`, `Bearer ${jwt}`]) {
      const { status, body } = await get('anyone', header);
      expect([status, body.username]).toEqual([200, 'anyone']);
    }
    const forged = await get('chain', `Bearer ${jwt.slice(0, -3)}abc`);
    expect([forged.status, forged.body]).toEqual([401, PASSPORTS_OWN]);
    expect(sql.statements).toEqual([]);
  });

  it('ends the chain with an error at a bad token', async () => {
    for (const path of ['knox', 'chain', 'anyone']) {
      const unknown = await get(path, `${scheme} ${'f'.repeat(64)}`);
      expect([unknown.status, unknown.body]).toEqual([401, ERRORS.invalidToken]);
      const empty = await get(path, scheme);
      expect([empty.status, empty.body]).toEqual([401, ERRORS.emptyHeader]);
      const two = await get(path, [`${scheme} ${token}`, `Bearer ${jwt}`]);
      expect([two.status, two.body]).toEqual([401, ERRORS.ambiguousHeader]);
    }
  });

  it('ends the chain where the user is inactive', async () => {
    await test.users.update(test.john.id, { isActive: false });
    const { status, body } = await get('anyone', `${scheme} ${token}`);
    await test.users.update(test.john.id, { isActive: true });
    expect([status, body]).toEqual([401, ERRORS.userInactive]);
  });

  it('ends the chain where the database does not answer', async () => {
    await test.dataSource.query('ALTER TABLE knox_auth_token RENAME TO away');
    const { status, body } = await get('anyone', `${scheme} ${token}`);
    await test.dataSource.query('ALTER TABLE away RENAME TO knox_auth_token');
    expect([status, body]).toEqual([503, ERRORS.unavailable]);
  });

  it('lets a good token through beside an offer to go on with HTTP/2', async () => {
    const headers = {
      authorization: `${scheme} ${token}`,
      connection: 'Upgrade, HTTP2-Settings',
      upgrade: 'h2c',
      'http2-settings': 'AAMAAABkAARAAAAAAAIAAAAA',
    };
    const { status, body } = await test.client.get('/passport/knox', { headers });
    expect([status, body]).toEqual([200, BY_TOKEN]);
  });

  it('shares its one lookup with a KnoxAuthGuard after it', async () => {
    const sql = new SqlLog(test.dataSource);
    expect((await get('both-guards', `${scheme} ${token}`)).status).toBe(200);
    expect(sql.statements).toEqual([expect.stringMatching(/^SELECT/)]);
  });
});

describe.each<AdapterName>(['express', 'fastify'])('the strategy "knox" on %s', (adapter) => {
  @Controller('hook')
  class HookController {
    @Get()
    @UseGuards(AuthGuard('knox'), KnoxAuthGuard)
    hook(@CurrentUser('username') username: string): object {
      return { username };
    }

    @Get('passport')
    @UseGuards(AuthGuard('knox'))
    passport(@CurrentUser('username') username: string, @CurrentToken() token: AuthToken): object {
      return { username, hasToken: token instanceof AuthToken };
    }

    @Get('jwt')
    @UseGuards(AuthGuard(['knox', 'anyone']))
    anyone(@CurrentUser() user?: object): object {
      return { user: user ?? null };
    }
  }
  let test: TestApp;
  let token: string;
  const asked: unknown[] = [];
  beforeAll(async () => {
    test = await startApp({
      adapter,
      knox: {
        extractToken: (request) => {
          asked.push(request);
          return (request.headers['x-token'] as string | undefined) ?? null;
        },
      },
      controllers: [HookController],
      providers: [AnyoneStrategy],
    });
    ({ token } = await test.tokens.create(test.john));
  });
  afterAll(() => test.close());

  it.each(['/hook', '/hook/passport'])('asks extractToken once for a request: %s', async (path) => {
    asked.length = 0;
    const { status, body } = await test.client.get(path, { headers: { 'x-token': token } });
    expect([status, body.username]).toEqual([200, 'john.doe']);
    expect(asked).toHaveLength(1);
  });

  it('gives the decorators what it has found itself, and nothing of another strategy', async () => {
    const headers = { 'x-token': token };
    expect((await test.client.get('/hook/passport', { headers })).body).toEqual({
      username: 'john.doe',
      hasToken: true,
    });
    expect((await test.client.get('/hook/jwt')).body).toEqual({ user: null });
  });
});

describe('a login by Passport’s strategy "local"', () => {
  @Injectable()
  class Accounts {
    constructor(private readonly dataSource: DataSource) {}

    find(email: string, password: string): Promise<User | null> {
      return this.dataSource.getRepository(User).findOneBy({ username: email, password });
    }
  }

  @Injectable()
  class LocalStrategy extends PassportStrategy(LocalPassportStrategy, 'local') {
    constructor(private readonly accounts: Accounts) {
      super({ usernameField: 'email' });
    }

    validate(email: string, password: string): Promise<User | null> {
      return this.accounts.find(email, password);
    }
  }

  @Module({ providers: [Accounts, LocalStrategy] })
  class AccountsModule {}

  let test: TestApp;
  beforeEach(async () => {
    test = await startApp({
      knox: { loginGuards: [AuthGuard('local')], imports: [AccountsModule] },
    });
  });
  afterEach(() => test.close());

  const login = (body?: object): Promise<Answer> => test.client.post('/auth/login', { body });

  it('gives a token to the user that the strategy finds', async () => {
    const { password } = JOHN;
    const { status, body, headers } = await login({ email: 'john.doe', password });
    expect(status).toBe(200);
    expect(headers['cache-control']).toBe('no-store');
    expect((await test.client.get('/me', { token: body.token })).body.username).toBe('john.doe');
    expect((await test.client.post('/auth/logout', { token: body.token })).status).toBe(204);
    expect(await test.rows.count()).toBe(0);
  });

  it('answers as Passport does if the strategy finds no user', async () => {
    await test.tokens.create(test.john);
    for (const body of [{ email: 'john.doe', password: 'x' }, JOHN, {}, undefined]) {
      const answer = await login(body);
      expect([answer.status, answer.body.message]).toEqual([401, 'Unauthorized']);
    }
    expect(await test.rows.count()).toBe(1);
  });

  it('gives no token to an inactive user', async () => {
    await test.users.update(test.john.id, { isActive: false });
    const { status, body } = await login({ email: 'john.doe', password: JOHN.password });
    expect([status, body]).toEqual([401, ERRORS.invalidCredentials]);
    expect(await test.rows.count()).toBe(0);
  });
});
