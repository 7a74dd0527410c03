import type { IncomingMessage } from 'node:http';
import {
  Catch,
  HttpException,
  UseFilters,
  UseGuards,
  type ArgumentsHost,
  type ExecutionContext,
  type INestApplication,
} from '@nestjs/common';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import {
  BaseWsExceptionFilter,
  SubscribeMessage,
  WebSocketGateway,
  WsException,
  type OnGatewayConnection,
} from '@nestjs/websockets';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  AuthToken,
  CurrentToken,
  CurrentUser,
  KnoxAuthGuard,
  OptionalKnoxAuthGuard,
  type KnoxRequest,
} from '../../lib/index.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { ERRORS } from '../support/errors.ts';
import {
  openSocketIo,
  openWs,
  sendExceptions,
  type SocketClient,
  type SocketHeaders,
} from '../support/sockets.ts';
import { SqlLog } from '../support/sql-log.ts';
import { User } from '../support/users.ts';

/** Sends the reason to the client, which NestJS does not do by default. */
@Catch(HttpException)
class HttpExceptionFilter extends BaseWsExceptionFilter {
  override catch(exception: HttpException, host: ArgumentsHost): void {
    super.catch(new WsException(exception.getResponse()), host);
  }
}

/** Reads the token from each message instead of from the socket. */
class MessageTokenGuard extends KnoxAuthGuard {
  protected override getRequest(context: ExecutionContext): KnoxRequest {
    const { token } = context.switchToWs().getData<{ token: string }>();
    return { headers: { authorization: `Token ${token}` } };
  }
}

const who = (event: string, user: User | undefined, token?: AuthToken) => ({
  event,
  data: { username: user?.username, isUser: user instanceof User, tokenKey: token?.tokenKey },
});

@WebSocketGateway()
class WhoGateway implements OnGatewayConnection {
  /** Keeps the upgrade request: the ws adapter passes it on, but does not put it on the socket. */
  handleConnection(client: { request?: IncomingMessage }, request?: IncomingMessage): void {
    if (!request) return;
    client.request = request;
    sendExceptions(client);
  }

  @SubscribeMessage('me')
  @UseGuards(KnoxAuthGuard)
  @UseFilters(HttpExceptionFilter)
  me(@CurrentUser() user: User, @CurrentToken() token: AuthToken): object {
    return who('me', user, token);
  }

  @SubscribeMessage('twice')
  @UseGuards(KnoxAuthGuard, OptionalKnoxAuthGuard)
  twice(@CurrentUser() user: User): object {
    return who('twice', user);
  }

  @SubscribeMessage('optional')
  @UseGuards(OptionalKnoxAuthGuard)
  @UseFilters(HttpExceptionFilter)
  optional(@CurrentUser() user?: User): object {
    return who('optional', user);
  }

  @SubscribeMessage('unfiltered')
  @UseGuards(KnoxAuthGuard)
  unfiltered(@CurrentUser() user: User): object {
    return who('unfiltered', user);
  }

  @SubscribeMessage('by message')
  @UseGuards(MessageTokenGuard)
  byMessage(@CurrentUser() user: User, @CurrentToken() token: AuthToken): object {
    return who('by message', user, token);
  }
}

describe.each([
  ['socket.io', (app: INestApplication) => new IoAdapter(app), openSocketIo],
  ['ws', (app: INestApplication) => new WsAdapter(app), openWs],
] as const)('KnoxAuthGuard on WebSockets with %s', (_, adapter, openSocket) => {
  let test: TestApp;
  let sql: SqlLog;
  const sockets: SocketClient[] = [];
  beforeAll(async () => {
    test = await startApp({
      providers: [WhoGateway],
      configure: (app) => {
        app.useWebSocketAdapter(adapter(app));
      },
    });
    sql = new SqlLog(test.dataSource);
  });
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.close();
  });
  afterAll(() => test.close());

  async function open(headers: SocketHeaders = {}): Promise<SocketClient> {
    const socket = await openSocket(test.client.url, headers);
    sockets.push(socket);
    return socket;
  }
  const openWith = (token: string) => open({ authorization: `Token ${token}` });
  const john = (event: string, token?: string) => ({
    event,
    data: { username: 'john.doe', isUser: true, ...(token && { tokenKey: token.slice(0, 15) }) },
  });

  it('gives a message its user and token', async () => {
    const token = await test.login();
    const socket = await openWith(token);
    expect(await socket.ask('me')).toEqual(john('me', token));
  });

  it.each([
    ['no token', {}, ERRORS.notAuthenticated],
    ['an unknown one', { authorization: 'Token unknown' }, ERRORS.invalidToken],
    ['a scheme without one', { authorization: 'Token' }, ERRORS.emptyHeader],
    ['two headers', { authorization: ['Token a', 'Token b'] }, ERRORS.ambiguousHeader],
  ])('refuses %s', async (__, headers, error) => {
    const socket = await open(headers);
    expect(await socket.ask('me')).toEqual({ event: 'exception', data: error });
  });

  it('refuses an inactive user', async () => {
    const { token } = await test.tokens.create(test.jane);
    const socket = await openWith(token);
    await test.users.update(test.jane.id, { isActive: false });
    expect(await socket.ask('me')).toEqual({ event: 'exception', data: ERRORS.userInactive });
    await test.users.update(test.jane.id, { isActive: true });
  });

  it('looks the token up for each message, so that a logout ends the socket’s rights', async () => {
    const token = await test.login();
    const socket = await openWith(token);
    expect(await socket.ask('me')).toEqual(john('me', token));
    sql.clear();
    expect(await socket.ask('me')).toEqual(john('me', token));
    expect(sql.reads).toHaveLength(1);

    expect((await test.client.post('/auth/logout', { token })).status).toBe(204);
    const refused = { event: 'exception', data: ERRORS.invalidToken };
    expect(await socket.ask('me')).toEqual(refused);
    expect(await socket.ask('optional')).toEqual(refused);
  });

  it('looks the token up once for a message that passes the guard twice', async () => {
    const socket = await openWith(await test.login());
    sql.clear();
    expect(await socket.ask('twice')).toEqual(john('twice'));
    expect(sql.reads).toHaveLength(1);
  });

  it('lets a message without credentials pass the optional guard, without a user', async () => {
    const socket = await open();
    expect(await socket.ask('optional')).toEqual({ event: 'optional', data: { isUser: false } });
  });

  it('reads the token where an override of getRequest says', async () => {
    const token = await test.login();
    const socket = await open();
    expect(await socket.ask('by message', { token })).toEqual(john('by message', token));
    const { event } = await socket.ask('by message', { token: 'unknown' });
    expect(event).toBe('exception');
  });

  it('gives each of two messages at once its own user', async () => {
    const [johns, janes] = [await test.login('john.doe'), await test.login('jane.doe')];
    const socket = await open();
    const answers = await Promise.all(
      [johns, janes, johns, janes].map((token) => socket.ask('by message', { token })),
    );
    expect(answers.map(({ data }) => data.tokenKey).sort()).toEqual(
      [johns, janes, johns, janes].map((token) => token.slice(0, 15)).sort(),
    );
  });

  it('without a filter of the application, is refused without the reason', async () => {
    const socket = await open();
    const { event, data } = await socket.ask('unfiltered');
    expect(event).toBe('exception');
    expect(data).toMatchObject({ status: 'error', message: 'Internal server error' });
  });
});
