import {
  Controller,
  Get,
  Injectable,
  ParseIntPipe,
  UseGuards,
  UseInterceptors,
  type CallHandler,
  type ExecutionContext,
  type NestInterceptor,
} from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type { NextFunction, Request } from 'express';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { of, type Observable } from 'rxjs';
import {
  CurrentToken,
  CurrentUser,
  KnoxAuthGuard,
  OptionalKnoxAuthGuard,
  Public,
  tokenOf,
  userOf,
  type AuthToken,
  type KnoxRequest,
} from '../../lib/index.ts';
import { MeController, startApp, type AdapterName, type TestApp } from '../support/app.ts';
import { JOHN } from '../support/credentials.ts';
import { ERRORS } from '../support/errors.ts';
import { HttpClient } from '../support/http-client.ts';
import { SqlLog } from '../support/sql-log.ts';
import type { User } from '../support/users.ts';

/** The values that other middleware puts on each request before the guards, and after them. */
let forgedBefore: object = {};
let forgedAfter: object = {};

@Injectable()
class ForgingInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    Object.assign(context.switchToHttp().getRequest<object>(), forgedAfter);
    return next.handle();
  }
}

/** Reads the token from another header. */
class ApiKeyGuard extends KnoxAuthGuard {
  protected override getRequest(context: ExecutionContext): KnoxRequest {
    const request = super.getRequest(context);
    const { 'x-api-key': key } = request.headers;
    const authorization = typeof key === 'string' ? `Token ${key}` : undefined;
    return { ...request, headers: { authorization }, rawHeaders: undefined, raw: undefined };
  }
}

/** Returns a value that is not a request. */
class MistakenGuard extends KnoxAuthGuard {
  protected override getRequest(): KnoxRequest {
    return {} as KnoxRequest;
  }
}

/** Puts its own value in place of the user if there is none. */
class GuestGuard extends KnoxAuthGuard {
  protected override handleAnonymous(context: ExecutionContext): void {
    this.getRequest(context).user = { username: 'guest' };
  }
}

/** Answers with what it is told of the user and token. */
@Injectable()
class TellingInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext): Observable<unknown> {
    return of({ username: userOf<User>(context)?.username, tokenKey: tokenOf(context)?.tokenKey });
  }
}

@Controller('guarded')
@UseGuards(KnoxAuthGuard)
class GuardedController {
  @Public()
  @Get('public')
  open(@CurrentUser() user?: User, @CurrentToken() token?: AuthToken): object {
    return { user: user ?? null, token: token ?? null };
  }
}

@Controller('who')
class WhoController {
  @Get('optional')
  @UseGuards(OptionalKnoxAuthGuard)
  optional(@CurrentUser() user?: User, @CurrentToken() token?: AuthToken): object {
    return { username: user?.username ?? null, tokenKey: token?.tokenKey ?? null };
  }

  @Get('optional-or-api-key')
  @UseGuards(OptionalKnoxAuthGuard, ApiKeyGuard)
  either(@CurrentUser() user: User): object {
    return { username: user.username };
  }

  @Public()
  @Get('public')
  open(@CurrentUser() user?: User, @CurrentToken() token?: AuthToken): object {
    return { user: user ?? null, token: token ?? null };
  }

  @Get('unguarded')
  unguarded(@CurrentUser() user?: User, @CurrentToken() token?: AuthToken): object {
    return { user: user ?? null, token: token ?? null };
  }

  @Get('properties')
  @UseGuards(KnoxAuthGuard)
  properties(
    @CurrentUser('id', ParseIntPipe) id: number,
    @CurrentUser('username') username: string,
    @CurrentToken('tokenKey') tokenKey: string,
    @CurrentToken('nothing') nothing: unknown,
  ): object {
    return { id, username, tokenKey, nothing: nothing ?? null };
  }

  @Get('optional-properties')
  @UseGuards(OptionalKnoxAuthGuard)
  optionalProperties(@CurrentUser('id') id?: number): object {
    return { id: id ?? null };
  }

  @Get('told')
  @UseGuards(KnoxAuthGuard)
  @UseInterceptors(TellingInterceptor)
  told(): object {
    return {};
  }

  @Get('mistaken')
  @UseGuards(MistakenGuard)
  mistaken(): object {
    return {};
  }

  @Get('api-key')
  @UseGuards(ApiKeyGuard)
  apiKey(@CurrentUser() user: User): object {
    return { username: user.username };
  }

  @Get('guest')
  @UseGuards(GuestGuard)
  guest(@CurrentUser() user: User): object {
    return { username: user.username };
  }
}

describe.each<AdapterName>(['express', 'fastify'])('what a guard trusts on %s', (adapter) => {
  let test: TestApp;
  beforeAll(async () => {
    test = await startApp({
      adapter,
      controllers: [WhoController, GuardedController],
      configure: (app) => {
        app.useGlobalInterceptors(new ForgingInterceptor());
        const forge = (request: object): void => void Object.assign(request, forgedBefore);
        if (adapter === 'express') {
          app.use((request: Request, _: unknown, next: NextFunction) => {
            forge(request);
            next();
          });
        } else {
          const fastify = app.getHttpAdapter().getInstance() as FastifyInstance;
          fastify.addHook('onRequest', async (request: FastifyRequest) => forge(request));
        }
      },
    });
  });
  afterEach(async () => {
    forgedBefore = forgedAfter = {};
    await test.tokens.revokeAll(test.john);
    await test.tokens.revokeAll(test.jane);
  });
  afterAll(() => test.close());

  const forgeryOf = (user: User, authToken: AuthToken) => ({
    user,
    authToken,
    authInfo: authToken,
  });
  const digests = async () => (await test.rows.find()).map(({ digest }) => digest);

  describe('a user and a token that somebody put on the request before it', () => {
    it('open no route', async () => {
      const janes = await test.tokens.create(test.jane);
      forgedBefore = forgeryOf(test.jane, janes.authToken);
      for (const [method, path] of [
        ['get', '/me'],
        ['post', '/auth/logout'],
        ['post', '/auth/logoutall'],
      ] as const) {
        const { status, body } = await test.client[method](path);
        expect([status, body]).toEqual([401, ERRORS.notAuthenticated]);
      }
      expect(await digests()).toEqual([janes.authToken.digest]);
    });

    it.each(['/who/public', '/who/unguarded', '/guarded/public'])(
      'are nobody to a handler that no guard was asked for: %s',
      async (path) => {
        const janes = await test.tokens.create(test.jane);
        forgedBefore = forgedAfter = forgeryOf(test.jane, janes.authToken);
        const { status, body } = await test.client.get(path, { token: janes.token });
        expect([status, body]).toEqual([200, { user: null, token: null }]);
      },
    );

    it('do not pass an OptionalKnoxAuthGuard', async () => {
      const janes = await test.tokens.create(test.jane);
      forgedBefore = forgeryOf(test.jane, janes.authToken);
      const { status, body } = await test.client.get('/who/optional');
      expect([status, body]).toEqual([200, { username: null, tokenKey: null }]);
    });

    it('save no lookup, and are replaced by the token’s user', async () => {
      const janes = await test.tokens.create(test.jane);
      const { token } = await test.tokens.create(test.john);
      forgedBefore = forgeryOf(test.jane, janes.authToken);
      const sql = new SqlLog(test.dataSource);
      const { status, body } = await test.client.get('/me', { token });
      expect([status, body.username, body.tokenKey]).toEqual([200, 'john.doe', token.slice(0, 15)]);
      expect(sql.reads).toHaveLength(1);
      expect((await test.client.get('/who/optional', { token })).body.username).toBe('john.doe');
    });

    it('are replaced by the login’s user', async () => {
      const janes = await test.tokens.create(test.jane);
      forgedBefore = forgeryOf(test.jane, janes.authToken);
      expect((await test.client.post('/auth/login')).status).toBe(401);
      const { token } = (await test.client.post('/auth/login', { body: JOHN })).body;
      forgedBefore = {};
      expect((await test.client.get('/me', { token })).body.username).toBe('john.doe');
    });
  });

  describe('a user and a token that somebody put on the request after it', () => {
    it.each(['/auth/logout', '/auth/logoutall'])('are not whom %s logs out', async (path) => {
      const janes = await test.tokens.create(test.jane);
      const { token } = await test.tokens.create(test.john);
      forgedAfter = forgeryOf(test.jane, janes.authToken);
      expect((await test.client.post(path, { token })).status).toBe(204);
      expect(await digests()).toEqual([janes.authToken.digest]);
    });

    it('are not whom the decorators, userOf and tokenOf give', async () => {
      const janes = await test.tokens.create(test.jane);
      const { token } = await test.tokens.create(test.john);
      forgedAfter = forgeryOf(test.jane, janes.authToken);
      const johns = { username: 'john.doe', tokenKey: token.slice(0, 15) };
      for (const path of ['/who/optional', '/who/told', '/who/properties']) {
        expect((await test.client.get(path, { token })).body).toMatchObject(johns);
      }
    });

    it('are not whom the login logs in', async () => {
      const janes = await test.tokens.create(test.jane);
      forgedAfter = forgeryOf(test.jane, janes.authToken);
      const { token } = (await test.client.post('/auth/login', { body: JOHN })).body;
      expect((await test.tokens.authenticate(token)).user).toEqual(test.john);
    });
  });

  it('gives a decorator with a name that property', async () => {
    const { token } = await test.tokens.create(test.john);
    expect((await test.client.get('/who/properties', { token })).body).toEqual({
      id: test.john.id,
      username: 'john.doe',
      tokenKey: token.slice(0, 15),
      nothing: null,
    });
    expect((await test.client.get('/who/optional-properties')).body).toEqual({ id: null });
  });

  describe('a subclass', () => {
    it('that overrides getRequest reads the token where it says', async () => {
      const { token } = await test.tokens.create(test.john);
      const withKey = await test.client.get('/who/api-key', { headers: { 'x-api-key': token } });
      expect([withKey.status, withKey.body.username]).toEqual([200, 'john.doe']);
      const withHeader = await test.client.get('/who/api-key', { token });
      expect([withHeader.status, withHeader.body]).toEqual([401, ERRORS.notAuthenticated]);
      const bad = await test.client.get('/who/api-key', { headers: { 'x-api-key': 'x' } });
      expect([bad.status, bad.body]).toEqual([401, ERRORS.invalidToken]);
    });

    it('that overrides getRequest still reads its token after another guard has found none', async () => {
      const { token } = await test.tokens.create(test.john);
      const headers = { 'x-api-key': token };
      const { status, body } = await test.client.get('/who/optional-or-api-key', { headers });
      expect([status, body.username]).toEqual([200, 'john.doe']);
    });

    it('that returns something without headers gets an error, and opens nothing', async () => {
      const { token } = await test.tokens.create(test.john);
      const { status, body } = await test.client.get('/who/mistaken', { token });
      expect([status, body]).toEqual([503, ERRORS.unavailable]);
    });

    it('that overrides handleAnonymous decides about requests without credentials', async () => {
      const { token } = await test.tokens.create(test.john);
      expect((await test.client.get('/who/guest')).body.username).toBe('guest');
      expect((await test.client.get('/who/guest', { token })).body.username).toBe('john.doe');
      expect((await test.client.get('/who/guest', { token: 'x' })).status).toBe(401);
    });
  });
});

describe('overrideGuard', () => {
  it('lets a test replace KnoxAuthGuard by its own user, without KnoxModule', async () => {
    const module = await Test.createTestingModule({ controllers: [MeController] })
      .overrideGuard(KnoxAuthGuard)
      .useValue({
        canActivate(context: ExecutionContext) {
          const request = context.switchToHttp().getRequest<KnoxRequest>();
          request.user = { username: 'fake' };
          request.authToken = { tokenKey: 'key', expiry: null };
          return true;
        },
      })
      .compile();
    const app = module.createNestApplication({ logger: false });
    await app.listen(0, '127.0.0.1');
    const { status, body } = await new HttpClient(await app.getUrl()).get('/me');
    expect([status, body]).toEqual([
      200,
      { username: 'fake', isUser: false, tokenKey: 'key', expiry: null },
    ]);
    await app.close();
  });
});
