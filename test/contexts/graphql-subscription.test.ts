import { once } from 'node:events';
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

/** A subscription by the graphql-transport-ws protocol, to its first answer. */
async function subscribe(url: string, token?: string): Promise<Record<string, any>> {
  const headers = token === undefined ? {} : { authorization: `Token ${token}` };
  const socket = new WebSocket(url.replace('http', 'ws'), 'graphql-transport-ws', { headers });
  const say = (message: object): void => {
    socket.send(JSON.stringify(message));
  };
  const hear = async () => JSON.parse(String((await once(socket, 'message'))[0]));
  await once(socket, 'open');
  say({ type: 'connection_init' });
  expect(await hear()).toEqual({ type: 'connection_ack' });
  say({ id: '1', type: 'subscribe', payload: { query: 'subscription { greetings }' } });
  const answer = await hear();
  socket.close();
  await once(socket, 'close');
  return answer;
}

describe('KnoxAuthGuard on a GraphQL subscription', () => {
  let test: TestApp;
  let url: string;
  beforeAll(async () => {
    const graphql = GraphQLModule.forRoot<ApolloDriverConfig>({
      driver: ApolloDriver,
      autoSchemaFile: true,
      includeStacktraceInErrorResponses: false,
      subscriptions: { 'graphql-ws': true },
    });
    test = await startApp({ imports: [graphql], providers: [GreetingResolver] });
    url = `${test.client.url}/graphql`;
  });
  afterAll(() => test.close());

  it('reads the token of the upgrade request', async () => {
    expect(await subscribe(url, await test.login())).toEqual({
      id: '1',
      type: 'next',
      payload: { data: { greetings: 'Hello, john.doe!' } },
    });
  });

  it.each([
    ['no token', undefined, ERRORS.notAuthenticated],
    ['an unknown one', 'unknown', ERRORS.invalidToken],
  ])('refuses %s', async (_, token, error) => {
    const { type, payload } = await subscribe(url, token);
    const [refusal] = type === 'error' ? payload : payload.errors;
    expect(refusal).toMatchObject({ message: error.message });
  });
});
