import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import {
  Catch,
  HttpException,
  UseFilters,
  UseGuards,
  type ArgumentsHost,
  type INestApplication,
} from '@nestjs/common';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { GraphQLModule, Mutation, Query, Resolver, Subscription } from '@nestjs/graphql';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import {
  BaseWsExceptionFilter,
  SubscribeMessage,
  WebSocketGateway,
  WsException,
  type OnGatewayConnection,
} from '@nestjs/websockets';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { AuthGuard } from '@nestjs/passport';
import { WebSocket } from 'ws';
import {
  CurrentToken,
  CurrentUser,
  KnoxAuthGuard,
  TokenService,
  type AuthToken,
} from '../../lib/index.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { cookieHeader, CROSS_SITE } from '../support/cookies.ts';
import { ERRORS } from '../support/errors.ts';
import { openSocketIo, openWs, sendExceptions, type SocketClient } from '../support/sockets.ts';
import { SqlLog } from '../support/sql-log.ts';

/** Sends the reason to the client, which NestJS does not do by default. */
@Catch(HttpException)
class HttpExceptionFilter extends BaseWsExceptionFilter {
  override catch(exception: HttpException, host: ArgumentsHost): void {
    super.catch(new WsException(exception.getResponse()), host);
  }
}

/** `AuthGuard` reads the request of an HTTP context. */
class SocketPassportGuard extends AuthGuard('knox') {
  override getRequest(context: Parameters<KnoxAuthGuard['canActivate']>[0]): unknown {
    return context.switchToWs().getClient<{ request: unknown }>().request;
  }
}

@WebSocketGateway()
@UseFilters(HttpExceptionFilter)
class WhoGateway implements OnGatewayConnection {
  handleConnection(client: { request?: IncomingMessage }, request?: IncomingMessage): void {
    if (!request) return;
    client.request = request;
    sendExceptions(client);
  }

  @SubscribeMessage('me')
  @UseGuards(KnoxAuthGuard)
  me(@CurrentUser('username') username: string): object {
    return { event: 'me', data: username };
  }

  @SubscribeMessage('passport')
  @UseGuards(SocketPassportGuard)
  passport(): object {
    return { event: 'passport', data: 'in' };
  }
}

const JOHN = { event: 'me', data: 'john.doe' };
const CROSS_ORIGIN = { event: 'exception', data: ERRORS.crossOrigin };

describe.each([
  ['socket.io', (app: INestApplication) => new IoAdapter(app), openSocketIo],
  ['ws', (app: INestApplication) => new WsAdapter(app), openWs],
] as const)('A cookie on a socket of %s', (_, adapter, openSocket) => {
  let test: TestApp;
  let sql: SqlLog;
  let token: string;
  const sockets: SocketClient[] = [];
  beforeAll(async () => {
    test = await startApp({
      providers: [WhoGateway],
      knox: { cookie: { trustedOrigins: ['https://app.example.com'] } },
      configure: (app) => {
        app.useWebSocketAdapter(adapter(app));
      },
    });
    sql = new SqlLog(test.dataSource);
  });
  beforeEach(async () => {
    ({ token } = await test.tokens.create(test.john));
  });
  afterEach(() => {
    for (const socket of sockets.splice(0)) socket.close();
  });
  afterAll(() => test.close());

  async function open(headers: Record<string, string>): Promise<SocketClient> {
    const socket = await openSocket(test.client.url, { ...cookieHeader(token), ...headers });
    sockets.push(socket);
    sql.clear();
    return socket;
  }

  it('opens the messages of its own page, of a trusted one, and of no page', async () => {
    for (const headers of [
      { origin: test.client.url },
      { origin: 'https://app.example.com', 'sec-fetch-site': 'cross-site' },
      {},
    ] as Record<string, string>[]) {
      expect(await (await open(headers)).ask('me')).toEqual(JOHN);
    }
  });

  it.each([
    ['another site', CROSS_SITE],
    ['no Origin, but Sec-Fetch-Site: same-site', { 'sec-fetch-site': 'same-site' }],
    ['Origin: null', { origin: 'null' }],
  ])('opens none of %s, before the database is asked', async (__, headers) => {
    const socket = await open(headers);
    expect(await socket.ask('me')).toEqual(CROSS_ORIGIN);
    expect(await socket.ask('passport')).toEqual(CROSS_ORIGIN);
    expect(sql.statements).toEqual([]);
  });

  it('is not asked where it comes from, if the header authenticates the messages', async () => {
    const socket = await open({ ...CROSS_SITE, authorization: `Token ${token}` });
    expect(await socket.ask('me')).toEqual(JOHN);
  });

  it('opens nothing any more after a logout', async () => {
    const socket = await open({});
    expect(await socket.ask('me')).toEqual(JOHN);
    await test.tokens.revoke(token);
    expect(await socket.ask('me')).toEqual({ event: 'exception', data: ERRORS.invalidToken });
  });
});

@Resolver()
class MeResolver {
  constructor(private readonly tokens: TokenService) {}

  @Query(() => String, { nullable: true })
  @UseGuards(KnoxAuthGuard)
  me(@CurrentUser('username') username: string): string {
    return username;
  }

  @Mutation(() => Boolean, { nullable: true })
  @UseGuards(KnoxAuthGuard)
  logout(@CurrentToken() token: AuthToken): Promise<boolean> {
    return this.tokens.revoke(token);
  }

  @Subscription(() => String)
  @UseGuards(KnoxAuthGuard)
  async *greetings(@CurrentUser('username') username: string) {
    yield { greetings: `Hello, ${username}!` };
  }
}

describe('A cookie in GraphQL', () => {
  let test: TestApp;
  let sql: SqlLog;
  let token: string;
  beforeAll(async () => {
    const graphql = GraphQLModule.forRoot<ApolloDriverConfig>({
      driver: ApolloDriver,
      autoSchemaFile: true,
      csrfPrevention: false,
      includeStacktraceInErrorResponses: false,
      subscriptions: { 'graphql-ws': true },
    });
    test = await startApp({
      imports: [graphql],
      providers: [MeResolver],
      knox: { cookie: true },
    });
    sql = new SqlLog(test.dataSource);
  });
  beforeEach(async () => {
    ({ token } = await test.tokens.create(test.john));
    sql.clear();
  });
  afterAll(() => test.close());

  const post = (query: string, headers: object) =>
    test.client.post('/graphql', {
      body: { query },
      headers: { ...cookieHeader(token), ...headers },
    });

  it('opens queries and mutations of its own page', async () => {
    const own = { origin: test.client.url };
    expect((await post('{ me }', own)).body).toEqual({ data: { me: 'john.doe' } });
    expect((await post('mutation { logout }', own)).body).toEqual({ data: { logout: true } });
  });

  it.each(['{ me }', 'mutation { logout }'])(
    'opens none of another site, sent by POST: %s',
    async (query) => {
      const { body } = await post(query, CROSS_SITE);
      expect(body.errors[0].extensions.originalError).toEqual(ERRORS.crossOrigin);
      expect(sql.statements).toEqual([]);
      expect(await test.tokens.authenticate(token)).toBeDefined();
    },
  );

  it('opens a query sent by GET, which only reads', async () => {
    const { body } = await test.client.get(`/graphql?query=${encodeURIComponent('{me}')}`, {
      headers: { ...cookieHeader(token), ...CROSS_SITE },
    });
    expect(body).toEqual({ data: { me: 'john.doe' } });
  });

  async function subscribe(headers: Record<string, string>): Promise<any> {
    const url = `${test.client.url}/graphql`.replace('http', 'ws');
    const socket = new WebSocket(url, 'graphql-transport-ws', {
      headers: { ...cookieHeader(token), ...headers },
    });
    await once(socket, 'open');
    const hear = async () => JSON.parse(String((await once(socket, 'message'))[0]));
    socket.send(JSON.stringify({ type: 'connection_init' }));
    await hear();
    const payload = { query: 'subscription { greetings }' };
    socket.send(JSON.stringify({ id: '1', type: 'subscribe', payload }));
    const answer = await hear();
    socket.close();
    return answer.payload;
  }

  it('opens subscriptions of its own page alone', async () => {
    const own = await subscribe({ origin: test.client.url });
    expect(own).toEqual({ data: { greetings: 'Hello, john.doe!' } });
    sql.clear();
    const other = await subscribe(CROSS_SITE);
    expect(other[0] ?? other.errors[0]).toMatchObject({ message: ERRORS.crossOrigin.message });
    expect(sql.statements).toEqual([]);
  });
});
