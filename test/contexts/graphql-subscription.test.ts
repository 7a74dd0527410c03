import { on, once } from 'node:events';
import { UseGuards } from '@nestjs/common';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { GraphQLModule, Query, Resolver, Subscription } from '@nestjs/graphql';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { WebSocket } from 'ws';
import { CurrentUser, KnoxAuthGuard } from '../../lib/index.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { ERRORS } from '../support/errors.ts';
import type { User } from '../support/users.ts';

@Resolver()
class GreetingResolver {
  @Query(() => String)
  open(): string {
    return 'open';
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
});
