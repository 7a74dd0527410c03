import { on, once } from 'node:events';
import { Injectable, UseGuards, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { Context, GraphQLModule, Query, Resolver, Subscription } from '@nestjs/graphql';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { WebSocket } from 'ws';
import { CurrentUser, KnoxAuthGuard, Public, tokenOf, userOf } from '../../lib/index.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { ERRORS } from '../support/errors.ts';
import type { User } from '../support/users.ts';

/** NestJS's recipe for Passport and GraphQL. */
@Injectable()
class GqlAuthGuard extends AuthGuard('knox') {
  override getRequest(context: ExecutionContext): unknown {
    const graphql = context.getArgByIndex<{ req?: { extra?: { request?: object } } }>(2);
    return (graphql as { request?: object }).request ?? graphql.req?.extra?.request ?? graphql.req;
  }
}

const told: unknown[] = [];

@Injectable()
class TellingGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    told.push([userOf<User>(context)?.username, tokenOf(context)?.ttl]);
    return true;
  }
}

/** What is on the request that opened the socket. */
function leftOn(context: Record<string, any>): string {
  const request = context.request ?? context.req?.extra?.request ?? context.req;
  return [request.headers.upgrade, request.user, request.authInfo, request.authToken].join();
}

@Resolver()
class GreetingResolver {
  @Query(() => String)
  open(): string {
    return 'open';
  }

  @Public()
  @Query(() => String)
  feed(@CurrentUser() user?: User): string {
    return user ? `feed of ${user.username}` : 'public feed';
  }

  @Query(() => String)
  who(@CurrentUser() user?: User): string {
    return user?.username ?? 'nobody';
  }

  @Query(() => String)
  left(@Context() context: object): string {
    return leftOn(context);
  }

  @Query(() => String, { nullable: true })
  @UseGuards(KnoxAuthGuard, TellingGuard)
  me(@CurrentUser('username') username: string): string {
    return username;
  }

  @Query(() => String, { nullable: true })
  @UseGuards(GqlAuthGuard)
  passport(): string {
    return 'in';
  }

  @Subscription(() => String)
  @UseGuards(KnoxAuthGuard)
  async *greetings(@CurrentUser() user: User): AsyncGenerator<{ greetings: string }> {
    yield { greetings: `Hello, ${user.username}!` };
  }
}

/** A connection with the graphql-transport-ws protocol. */
async function connect(url: string, token?: string) {
  const headers = token === undefined ? {} : { authorization: `Token ${token}` };
  const socket = new WebSocket(url.replace('http', 'ws'), 'graphql-transport-ws', { headers });
  const messages = on(socket, 'message');
  const say = (message: object): void => {
    socket.send(JSON.stringify(message));
  };
  const hear = async (): Promise<Record<string, any>> =>
    JSON.parse(String((await messages.next()).value[0]));
  await once(socket, 'open');
  say({ type: 'connection_init' });
  expect(await hear()).toEqual({ type: 'connection_ack' });
  return {
    /** The first answer to a subscription, or its error. */
    async subscribe(id: string): Promise<Record<string, any>> {
      say({ id, type: 'subscribe', payload: { query: 'subscription { greetings }' } });
      const first = await hear();
      const end = first.type === 'next' ? await hear() : first;
      expect(end).toMatchObject({ id, type: first.type === 'next' ? 'complete' : 'error' });
      const { payload } = first;
      return payload.data ?? (payload.errors ?? payload)[0];
    },
    /** The data of a query. */
    async ask(query: string): Promise<Record<string, any>> {
      say({ id: query, type: 'subscribe', payload: { query } });
      const { payload } = await hear();
      expect(await hear()).toMatchObject({ type: 'complete' });
      return payload.data;
    },
    async close(): Promise<void> {
      socket.close();
      await once(socket, 'close');
    },
  };
}

/** Two forms of the context. The second is the same object for all operations of a connection. */
const CONTEXTS: Record<string, ApolloDriverConfig['context']> = {
  'by default': undefined,
  'that is the connection’s': ({ extra, req }: { extra?: object; req?: object }) =>
    extra ?? { req },
};

describe.each(Object.keys(CONTEXTS))('KnoxAuthGuard on a GraphQL context %s', (name) => {
  let test: TestApp;
  let url: string;
  beforeAll(async () => {
    const graphql = GraphQLModule.forRoot<ApolloDriverConfig>({
      driver: ApolloDriver,
      autoSchemaFile: true,
      includeStacktraceInErrorResponses: false,
      subscriptions: { 'graphql-ws': true },
      ...(CONTEXTS[name] && { context: CONTEXTS[name] }),
    });
    test = await startApp({ imports: [graphql], providers: [GreetingResolver] });
    url = `${test.client.url}/graphql`;
  });
  afterAll(() => test.close());

  it('reads the token of the upgrade request', async () => {
    const client = await connect(url, await test.login());
    expect(await client.subscribe('1')).toEqual({ greetings: 'Hello, john.doe!' });
    await client.close();
  });

  it.each([
    ['no token', undefined, ERRORS.notAuthenticated],
    ['an unknown one', 'unknown', ERRORS.invalidToken],
  ])('refuses %s', async (_, token, error) => {
    const client = await connect(url, token);
    expect(await client.subscribe('1')).toMatchObject({ message: error.message });
    await client.close();
  });

  it('looks the token up again for the next operation of a connection', async () => {
    const token = await test.login();
    const client = await connect(url, token);
    expect(await client.subscribe('1')).toEqual({ greetings: 'Hello, john.doe!' });
    expect(await test.tokens.revoke(token)).toBe(true);
    expect(await client.subscribe('2')).toMatchObject({ message: 'Invalid token.' });
    await client.close();
  });

  it('gives a public query of the connection nobody, whoever was found before', async () => {
    const token = await test.login();
    const client = await connect(url, token);
    const isNobody = async () =>
      expect(await client.ask('{ feed who left }')).toEqual({
        feed: 'public feed',
        who: 'nobody',
        left: 'websocket,,,',
      });
    await isNobody();
    expect(await client.subscribe('1')).toEqual({ greetings: 'Hello, john.doe!' });
    await isNobody();
    expect(await client.ask('{ me }')).toEqual({ me: 'john.doe' });
    await isNobody();
    expect(await client.ask('{ passport }')).toEqual({ passport: 'in' });
    await isNobody();
    expect(await test.tokens.revoke(token)).toBe(true);
    expect(await client.ask('{ me passport }')).toEqual({ me: null, passport: null });
    await isNobody();
    await client.close();
  });

  it('gives a public field nobody beside a guarded one of the same operation', async () => {
    const token = await test.login();
    const client = await connect(url, token);
    expect(await client.ask('{ me feed }')).toEqual({ me: 'john.doe', feed: 'public feed' });
    expect(await client.ask('{ feed me }')).toEqual({ me: 'john.doe', feed: 'public feed' });
    await client.close();
  });

  it('tells a guard of the application’s of the user and token', async () => {
    told.length = 0;
    const client = await connect(url, await test.login());
    await client.ask('{ me }');
    await client.close();
    const body = { query: '{ me }' };
    await test.client.post('/graphql', { body, token: await test.login() });
    expect(told).toEqual(Array(2).fill(['john.doe', null]));
  });

  it('checks the token for each operation through AuthGuard("knox") too', async () => {
    const token = await test.login();
    const client = await connect(url, token);
    expect(await client.ask('{ passport }')).toEqual({ passport: 'in' });
    await test.dataSource.query('ALTER TABLE knox_auth_token RENAME TO away');
    expect(await client.ask('{ passport }')).toEqual({ passport: null });
    await test.dataSource.query('ALTER TABLE away RENAME TO knox_auth_token');
    expect(await client.ask('{ passport }')).toEqual({ passport: 'in' });
    expect(await test.tokens.revoke(token)).toBe(true);
    expect(await client.ask('{ passport }')).toEqual({ passport: null });
    await client.close();
  });
});
