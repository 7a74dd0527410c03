import type { IncomingMessage } from 'node:http';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import {
  Catch,
  Controller,
  Get,
  HttpException,
  UseFilters,
  UseGuards,
  type ArgumentsHost,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { GraphQLModule, Query, Resolver } from '@nestjs/graphql';
import { AuthGuard } from '@nestjs/passport';
import { WsAdapter } from '@nestjs/platform-ws';
import {
  BaseWsExceptionFilter,
  SubscribeMessage,
  WebSocketGateway,
  WsException,
  type OnGatewayConnection,
} from '@nestjs/websockets';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  Abilities,
  AnyAbility,
  Fresh,
  KnoxAuthGuard,
  KnoxConfigError,
  OptionalKnoxAuthGuard,
  Public,
  TokenService,
} from '../../lib/index.ts';
import { STAGES } from '../support/databases.ts';
import { startSessionApp, type SessionApp } from '../support/session-app.ts';
import { openWs } from '../support/sockets.ts';

/** Its handlers are inherited, and so are their decorators. */
abstract class BaseController {
  @Get('read')
  @Abilities('a')
  read(): object {
    return {};
  }

  @Get('of-class')
  ofClass(): object {
    return {};
  }

  @Get('overridden')
  @Abilities('a')
  overridden(): object {
    return {};
  }
}

@Controller('plain')
@UseGuards(KnoxAuthGuard)
class PlainController extends BaseController {
  @Get('overridden')
  override overridden(): object {
    return {};
  }
}

@Controller('named')
@UseGuards(KnoxAuthGuard)
@Abilities('b')
@Fresh('10m')
class NamedController extends BaseController {
  @Get('both')
  @Abilities('a')
  @AnyAbility('b', 'c')
  @Fresh('1h')
  both(): object {
    return {};
  }
}

/** It inherits the decorators of the class. */
@Controller('heir')
class HeirController extends NamedController {}

@Controller('narrow')
@Abilities('c')
class NarrowController extends NamedController {}

@Controller('doors')
class DoorsController {
  @Get('passport')
  @UseGuards(AuthGuard('knox'))
  @Abilities('a')
  passport(): object {
    return {};
  }

  @Get('optional')
  @UseGuards(OptionalKnoxAuthGuard)
  optional(): object {
    return {};
  }

  @Get('optional-named')
  @UseGuards(OptionalKnoxAuthGuard)
  @Abilities('a')
  optionalNamed(): object {
    return {};
  }
}

@Catch(HttpException)
class ReasonFilter extends BaseWsExceptionFilter {
  override catch(exception: HttpException, host: ArgumentsHost): void {
    super.catch(new WsException(exception.getResponse()), host);
  }
}

@WebSocketGateway()
@UseGuards(KnoxAuthGuard)
@UseFilters(ReasonFilter)
class DoorsGateway implements OnGatewayConnection {
  handleConnection(client: { request?: IncomingMessage }, request?: IncomingMessage): void {
    if (request) client.request = request;
  }

  @SubscribeMessage('read')
  @Abilities('a')
  read(): object {
    return { event: 'read', data: 'good' };
  }

  @SubscribeMessage('unnamed')
  unnamed(): object {
    return { event: 'unnamed', data: 'good' };
  }

  @SubscribeMessage('fresh')
  @Abilities()
  @Fresh('10m')
  fresh(): object {
    return { event: 'fresh', data: 'good' };
  }
}

@Resolver()
@UseGuards(KnoxAuthGuard)
class DoorsResolver {
  @Query(() => String, { nullable: true })
  @Abilities('a')
  read(): string {
    return 'good';
  }

  @Query(() => String, { nullable: true })
  unnamed(): string {
    return 'good';
  }

  @Query(() => String, { nullable: true })
  @Abilities()
  @Fresh('10m')
  fresh(): string {
    return 'good';
  }
}

describe.each(STAGES)('what a route asks of a token on %s with %s', (database, adapter) => {
  let test: SessionApp;
  beforeAll(async () => {
    test = await startSessionApp({
      database,
      adapter,
      controllers: [
        PlainController,
        NamedController,
        HeirController,
        NarrowController,
        DoorsController,
      ],
    });
  });
  afterAll(() => test.close());

  const keyFor = async (...abilities: string[]): Promise<string> =>
    (await test.tokens.create(test.john, { abilities })).token;
  const get = async (path: string, token: string): Promise<number> =>
    (await test.client.get(path, { token })).status;

  it.each([
    ['/plain/read', ['a'], ['b', '']],
    ['/plain/of-class', [], ['a', 'b']],
    ['/plain/overridden', [], ['a', 'b']],
    ['/named/read', ['a'], ['b']],
    ['/named/of-class', ['b'], ['a']],
    ['/named/both', ['a b', 'a c'], ['a', 'b', 'b c']],
    ['/heir/read', ['a'], ['b']],
    ['/heir/of-class', ['b'], ['a']],
    ['/heir/both', ['a b'], ['a']],
    ['/narrow/read', ['a'], ['b', 'c']],
    ['/narrow/of-class', ['c'], ['a', 'b']],
    ['/doors/passport', [], ['a', 'b']],
    ['/doors/optional', [], ['a']],
    ['/doors/optional-named', ['a'], ['b']],
  ])('%s lets tokens pass that may %j, and not %j', async (path, passes, refused) => {
    expect(await get(path, (await test.tokens.create(test.john)).token)).toBe(200);
    for (const list of passes) expect(await get(path, await keyFor(...list.split(' ')))).toBe(200);
    for (const list of refused) {
      const token = await keyFor(...list.split(' ').filter((ability) => ability !== ''));
      expect([list, await get(path, token)]).toEqual([list, 403]);
    }
  });

  it('is asked after the token was found good', async () => {
    for (const path of ['/named/both', '/doors/optional', '/doors/passport']) {
      expect(await get(path, 'f'.repeat(64))).toBe(401);
    }
    expect((await test.client.get('/doors/optional')).status).toBe(200);
  });

  it('is the age that the nearest decorator says', async () => {
    const { token, authToken } = await test.tokens.create(test.john);
    const age = async (minutes: number): Promise<void> => {
      const created = new Date(Date.now() - minutes * 60_000);
      await test.rows.update({ digest: authToken.digest }, { created });
    };
    const statuses = () =>
      Promise.all(['/named/of-class', '/heir/read', '/named/both'].map((path) => get(path, token)));
    await age(9);
    expect(await statuses()).toEqual([200, 200, 200]);
    await age(11);
    expect(await statuses()).toEqual([403, 403, 200]);
    await age(61);
    expect(await statuses()).toEqual([403, 403, 403]);
  });

  it('is no age that a corrupt instant has', async () => {
    const { token, authToken } = await test.tokens.create(test.john);
    const beyondDates = '9000000000000000';
    for (const column of ['authenticated', 'created']) {
      await test.rows.update({ digest: authToken.digest }, { authenticated: null });
      await test.dataSource.query(`UPDATE knox_auth_token SET ${column} = ${beyondDates}`);
      expect([column, await get('/named/both', token)]).toEqual([column, 403]);
    }
    await test.rows.clear();
  });

  it('is, of a token within another, the age of that one', async () => {
    const { authToken: parent } = await test.tokens.create(test.john);
    const ofChild = async (): Promise<number> => {
      const within = await test.rows.findOneByOrFail({ digest: parent.digest });
      return get('/named/both', (await test.tokens.create(test.john, { within })).token);
    };
    expect(await ofChild()).toBe(200);
    const old = new Date(Date.now() - 7_200_000);
    await test.rows.update({ digest: parent.digest }, { created: old });
    expect(await ofChild()).toBe(403);
    await test.rows.update({ digest: parent.digest }, { authenticated: new Date() });
    expect(await ofChild()).toBe(200);
  });

  it('says the abilities before the age', async () => {
    const { token, authToken } = await test.tokens.create(test.john, { abilities: ['x'] });
    const created = new Date(Date.now() - 7_200_000);
    await test.rows.update({ digest: authToken.digest }, { created });
    const { body } = await test.client.get('/named/both', { token });
    expect(body.code).toBe('insufficient_ability');
  });
});

describe('what a route asks of a token', () => {
  @Controller('global')
  class GlobalController {
    @Get('read')
    @Abilities('a')
    read(): object {
      return {};
    }

    @Get('unnamed')
    unnamed(): object {
      return {};
    }

    @Get('open')
    @Public()
    open(): object {
      return {};
    }
  }

  it('is asked by a guard for the whole application', async () => {
    const test = await startSessionApp({
      controllers: [GlobalController],
      providers: [{ provide: APP_GUARD, useClass: KnoxAuthGuard }],
    });
    const { token } = await test.tokens.create(test.john, { abilities: ['a'] });
    const get = async (path: string) => (await test.client.get(path, { token })).status;
    expect(await get('/global/read')).toBe(200);
    expect(await get('/global/unnamed')).toBe(403);
    expect(await get('/global/open')).toBe(200);
    expect((await test.client.post('/auth/logoutall', { token })).status).toBe(403);
    expect((await test.client.post('/auth/logout', { token })).status).toBe(204);
    await test.close();
  });

  it('is asked in GraphQL, and told in its errors', async () => {
    const graphql = GraphQLModule.forRoot<ApolloDriverConfig>({
      driver: ApolloDriver,
      autoSchemaFile: true,
      includeStacktraceInErrorResponses: false,
    });
    const test = await startSessionApp({ imports: [graphql], providers: [DoorsResolver] });
    const { token, authToken } = await test.tokens.create(test.john, { abilities: ['a'] });
    const ask = async (query: string) =>
      (await test.client.post('/graphql', { token, body: { query } })).body;
    expect(await ask('{ read fresh }')).toEqual({ data: { read: 'good', fresh: 'good' } });
    const refused = await ask('{ read unnamed }');
    expect(refused.data).toEqual({ read: 'good', unnamed: null });
    expect(refused.errors[0].extensions.originalError).toMatchObject({
      statusCode: 403,
      code: 'insufficient_ability',
    });
    const created = new Date(Date.now() - 601_000);
    await test.rows.update({ digest: authToken.digest }, { created });
    const stale = await ask('{ fresh }');
    expect(stale.errors[0].extensions.originalError.code).toBe('reauthentication_required');
    await test.close();
  });

  it('is asked of each message on a socket', async () => {
    const test = await startSessionApp({
      providers: [DoorsGateway],
      configure: (app) => {
        app.useWebSocketAdapter(new WsAdapter(app));
      },
    });
    const { token, authToken } = await test.tokens.create(test.john, { abilities: ['a'] });
    const socket = await openWs(test.client.url, { authorization: `Token ${token}` });
    expect(await socket.ask('read')).toEqual({ event: 'read', data: 'good' });
    expect(await socket.ask('fresh')).toEqual({ event: 'fresh', data: 'good' });
    const refused = await socket.ask('unnamed');
    expect(refused).toMatchObject({ event: 'exception', data: { code: 'insufficient_ability' } });
    const old = { created: new Date(Date.now() - 601_000), abilities: ['b'] };
    await test.rows.update({ digest: authToken.digest }, old);
    expect((await socket.ask('read')).data.code).toBe('insufficient_ability');
    expect((await socket.ask('fresh')).data.code).toBe('reauthentication_required');
    socket.close();
    await test.close();
  });

  it('cannot be asked of what is no ability and no duration', () => {
    for (const wrong of [[''], ['a b'], ['a', 5], [null], [['a']], ['x'.repeat(65)], ['a\n']]) {
      expect(() => Abilities(...(wrong as string[]))).toThrow(KnoxConfigError);
      expect(() => AnyAbility(...(wrong as string[]))).toThrow(KnoxConfigError);
    }
    expect(() => AnyAbility()).toThrow(KnoxConfigError);
    for (const wrong of ['10', 0, -1, 'soon', null, undefined, NaN, 1.5]) {
      expect(() => Fresh(wrong as string)).toThrow(KnoxConfigError);
    }
  });

  it('is not asked by a login guard that takes tokens: such a login is refused', async () => {
    const found: { service?: TokenService } = {};
    class TokenGuard {
      async canActivate(context: any): Promise<boolean> {
        const request = context.switchToHttp().getRequest();
        const [, token] = String(request.headers.authorization).split(' ');
        request.user = (await found.service!.authenticate(token!)).user;
        return true;
      }
    }
    const test = await startSessionApp({ knox: { loginGuards: [TokenGuard] } });
    found.service = test.app.get(TokenService);
    const { token } = await test.tokens.create(test.john, { abilities: [] });
    expect((await test.client.post('/auth/login', { token })).status).toBe(401);
    expect(await test.rows.count()).toBe(1);
    await test.close();
  });
});
