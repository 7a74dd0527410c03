import type { IncomingMessage } from 'node:http';
import {
  Injectable,
  UseGuards,
  UseInterceptors,
  type CallHandler,
  type CanActivate,
  type ExecutionContext,
  type INestApplication,
  type NestInterceptor,
} from '@nestjs/common';
import { AuthGuard, PassportModule } from '@nestjs/passport';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import {
  ConnectedSocket,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  type OnGatewayConnection,
} from '@nestjs/websockets';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Observable } from 'rxjs';
import {
  AuthToken,
  CurrentToken,
  CurrentUser,
  KnoxAuthGuard,
  Public,
  tokenOf,
  userOf,
} from '../../lib/index.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { openSocketIo, openWs, sendExceptions, type SocketClient } from '../support/sockets.ts';
import { User } from '../support/users.ts';

interface Client {
  request: IncomingMessage & { user?: unknown; authInfo?: unknown; authToken?: unknown };
  handshake?: object;
  user?: unknown;
}

/** NestJS's recipe for Passport, on a socket. */
@Injectable()
class SocketPassportGuard extends AuthGuard('knox') {
  override getRequest(context: ExecutionContext): unknown {
    return context.switchToWs().getClient<Client>().request;
  }
}

/** What the application's own guard and interceptor are told. */
let told: unknown[] = [];
const tell = (context: ExecutionContext): void => {
  const [user, token] = [userOf<User>(context), tokenOf(context)];
  told.push([user?.username, user instanceof User, token instanceof AuthToken]);
};

@Injectable()
class TellingGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    tell(context);
    return true;
  }
}

@Injectable()
class TellingInterceptor implements NestInterceptor {
  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    tell(context);
    return next.handle();
  }
}

/** The same of an application that has its user under another name. */
@Injectable()
class AccountGuard extends SocketPassportGuard {
  override getAuthenticateOptions(): object {
    return { property: 'member' };
  }
}

const answer = (event: string, user?: User, token?: AuthToken) => ({
  event,
  data: { username: user?.username ?? null, tokenKey: token?.tokenKey ?? null },
});

@WebSocketGateway()
class OperationsGateway implements OnGatewayConnection {
  handleConnection(client: Client, request?: Client['request']): void {
    if (!request) return;
    client.request = request;
    sendExceptions(client);
  }

  @UseGuards(TellingGuard, KnoxAuthGuard, TellingGuard)
  @UseInterceptors(TellingInterceptor)
  @SubscribeMessage('join')
  join(@CurrentUser() user: User, @CurrentToken() token: AuthToken): object {
    return answer('join', user, token);
  }

  @UseGuards(SocketPassportGuard)
  @SubscribeMessage('passport')
  passport(): object {
    return answer('passport');
  }

  @UseGuards(AccountGuard)
  @SubscribeMessage('member')
  member(): object {
    return answer('member');
  }

  /** The application may leave what it likes. */
  @UseGuards(SocketPassportGuard)
  @SubscribeMessage('session')
  session(@ConnectedSocket() client: Client): object {
    Object.assign(client.request, { session: 'of the application' });
    return answer('session');
  }

  @SubscribeMessage('who')
  who(@CurrentUser() user?: User, @CurrentToken() token?: AuthToken): object {
    return answer('who', user, token);
  }

  @Public()
  @SubscribeMessage('public')
  open(@CurrentUser() user?: User, @CurrentToken() token?: AuthToken): object {
    return answer('public', user, token);
  }

  @UseGuards(KnoxAuthGuard)
  @SubscribeMessage('properties')
  properties(
    @CurrentUser('username') username: string,
    @CurrentToken('tokenKey') tokenKey: string,
    @CurrentUser('nothing') nothing: unknown,
    @MessageBody() body: unknown,
  ): object {
    return { event: 'properties', data: { username, tokenKey, nothing, body } };
  }

  @UseGuards(KnoxAuthGuard)
  @SubscribeMessage('undecorated')
  undecorated(_client: Client, data: unknown): object {
    return { event: 'undecorated', data: { data } };
  }

  /** What is on the objects that live as long as the socket. */
  @SubscribeMessage('left')
  left(@ConnectedSocket() client: Client): object {
    const holders = [client, client.request, client.handshake ?? {}] as Record<string, unknown>[];
    const names = ['user', 'authInfo', 'authToken', 'account', 'member', 'session'];
    return {
      event: 'left',
      data: holders.flatMap((holder) => names.map((name) => String(holder[name]))),
    };
  }
}

const ADAPTERS = [
  ['socket.io', (app: INestApplication) => new IoAdapter(app), openSocketIo],
  ['ws', (app: INestApplication) => new WsAdapter(app), openWs],
] as const;

describe.each(ADAPTERS)('a message of a socket with %s', (_, adapter, openSocket) => {
  let test: TestApp;
  let token: string;
  let socket: SocketClient;
  beforeAll(async () => {
    test = await startApp({
      providers: [OperationsGateway],
      configure: (app) => {
        app.useWebSocketAdapter(adapter(app));
      },
    });
  });
  beforeEach(async () => {
    token = await test.login();
    told = [];
    socket = await openSocket(test.client.url, { authorization: `Token ${token}` });
  });
  afterEach(() => socket.close());
  afterAll(() => test.close());

  const nobody = { username: null, tokenKey: null };
  const PAYLOADS = [
    ['an object', { a: 1 }],
    ['a list', [1]],
    ['text', 'hello'],
    ['a number', 7],
    ['null', null],
  ] as const;

  describe.each(PAYLOADS)('with %s for its payload', (__, payload) => {
    it('has its own user, and later ones without a guard have none', async () => {
      for (const event of ['who', 'public']) {
        expect((await socket.ask(event, payload)).data).toEqual(nobody);
      }
      const john = { username: 'john.doe', tokenKey: token.slice(0, 15) };
      expect((await socket.ask('join', payload)).data).toEqual(john);
      for (const event of ['who', 'public']) {
        expect((await socket.ask(event, payload)).data).toEqual(nobody);
      }
      expect(await test.tokens.revoke(token)).toBe(true);
      expect((await socket.ask('join', payload)).event).toBe('exception');
      for (const event of ['who', 'public']) {
        expect((await socket.ask(event, payload)).data).toEqual(nobody);
      }
    });

    it('tells a guard and an interceptor of the application’s after KnoxAuthGuard', async () => {
      await socket.ask('join', payload);
      const found = ['john.doe', true, true];
      expect(told).toEqual([[undefined, false, false], found, found]);
    });

    it('reaches its handler as it was sent', async () => {
      expect((await socket.ask('undecorated', payload)).data).toEqual({ data: payload });
      expect((await socket.ask('properties', payload)).data).toEqual({
        username: 'john.doe',
        tokenKey: token.slice(0, 15),
        body: payload,
      });
    });
  });

  it('has its own user beside others at the same time', async () => {
    const asked = ['join', 'who', 'join', 'public', 'join', 'who'];
    const answers = await Promise.all(asked.map((event) => socket.ask(event, 'same')));
    const found = answers.map(({ event, data }) => [event, data.username !== null]);
    for (const [event, isFound] of found)
      expect([event, isFound]).toEqual([event, event === 'join']);
    expect(found).toHaveLength(asked.length);
  });

  it('leaves nothing on the socket, its handshake and its upgrade request', async () => {
    await socket.ask('join', 'text');
    await socket.ask('join', {});
    expect(new Set((await socket.ask('left')).data)).toEqual(new Set(['undefined']));
  });

  describe('through AuthGuard("knox")', () => {
    it('is checked anew, and leaves nothing', async () => {
      expect((await socket.ask('passport')).event).toBe('passport');
      expect((await socket.ask('passport')).event).toBe('passport');
      expect((await socket.ask('who')).data).toEqual(nobody);
      expect(new Set((await socket.ask('left')).data)).toEqual(new Set(['undefined']));
      expect(await test.tokens.revoke(token)).toBe(true);
      expect((await socket.ask('passport')).event).toBe('exception');
      expect((await socket.ask('who')).data).toEqual(nobody);
    });

    it('is not refused for a fault that is over', async () => {
      await test.dataSource.query('ALTER TABLE knox_auth_token RENAME TO away');
      expect((await socket.ask('passport')).event).toBe('exception');
      await test.dataSource.query('ALTER TABLE away RENAME TO knox_auth_token');
      expect((await socket.ask('passport')).event).toBe('passport');
    });
  });
});

// An application of its own: Passport asks the strategy of the one that started last.
describe.each(ADAPTERS)('Passport on a socket with %s', (_, adapter, openSocket) => {
  it('leaves nothing under the names that the application has for its users', async () => {
    const test = await startApp({
      imports: [PassportModule.register({ property: 'account' })],
      providers: [OperationsGateway],
      configure: (app) => {
        app.useWebSocketAdapter(adapter(app));
      },
    });
    const socket = await openSocket(test.client.url, {
      authorization: `Token ${await test.login()}`,
    });
    for (const event of ['passport', 'member', 'passport']) {
      expect((await socket.ask(event)).event).toBe(event);
      expect(new Set((await socket.ask('left')).data)).toEqual(new Set(['undefined']));
    }
    await socket.ask('session');
    const left = new Set((await socket.ask('left')).data);
    expect(left).toEqual(new Set(['undefined', 'of the application']));
    socket.close();
    await test.close();
  });
});
