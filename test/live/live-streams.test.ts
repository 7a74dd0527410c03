import { on, EventEmitter } from 'node:events';
import { Controller, Sse, UseGuards } from '@nestjs/common';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { GraphQLModule, Query, Resolver, Subscription } from '@nestjs/graphql';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { EMPTY, interval, map, NEVER, of, Subject, throwError, type Observable } from 'rxjs';
import { WebSocket } from 'ws';
import {
  AuthToken,
  CurrentToken,
  KnoxAuthGuard,
  KnoxUnauthorizedException,
} from '../../lib/index.ts';
import { LiveTokens } from '../../lib/live/index.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { SqlLog } from '../support/sql-log.ts';
import { INTERVAL_MS, liveOf, withLive } from './live-app.ts';

@Controller('ticks')
@UseGuards(KnoxAuthGuard)
class TicksController {
  constructor(private readonly live: LiveTokens) {}

  @Sse()
  ticks(@CurrentToken() token: AuthToken): Observable<object> {
    return interval(20).pipe(
      map((tick) => ({ data: { tick } })),
      this.live.until(token),
    );
  }
}

const ticker = new EventEmitter();

@Resolver()
class TicksResolver {
  constructor(private readonly live: LiveTokens) {}

  @Query(() => String)
  open(): string {
    return 'open';
  }

  @Subscription(() => String)
  @UseGuards(KnoxAuthGuard)
  async *ticks(@CurrentToken() token: AuthToken): AsyncGenerator<object> {
    const watch = this.live.watch(token);
    const { signal } = watch;
    try {
      for await (const [tick] of on(ticker, 'tick', { signal })) yield { ticks: String(tick) };
    } catch (error) {
      throw signal.aborted ? signal.reason : error;
    } finally {
      watch.release();
    }
  }
}

describe.each(['express', 'fastify'] as const)(
  'LiveTokens.until, in an SSE stream on %s',
  (adapter) => {
    let test: TestApp;
    beforeAll(async () => {
      test = await startApp(withLive({ adapter, controllers: [TicksController] }));
    });
    afterAll(() => test.close());

    /** Reads the stream until it ends; meanwhile, `act` is called once. */
    async function read(token: string, act: () => Promise<unknown>): Promise<string> {
      const { body, status } = await fetch(`${test.client.url}/ticks`, {
        headers: { authorization: `Token ${token}` },
      });
      expect(status).toBe(200);
      let text = '';
      let acting: Promise<unknown> | undefined;
      for await (const chunk of body!.pipeThrough(new TextDecoderStream())) {
        text += chunk;
        if (text.includes('"tick":0')) acting ??= act();
      }
      await acting;
      return text;
    }

    it('ends the stream with the error at a logout', async () => {
      const { token } = await test.tokens.create(test.john);
      const text = await read(token, () => test.client.post('/auth/logout', { token }));
      expect(text).toContain('data: {"tick":0}');
      expect(text).toMatch(/event: error\n(?:.*\n)*data: Invalid token\.\n\n$/);
    });

    it('ends it if another program deletes the row', async () => {
      const { token, authToken } = await test.tokens.create(test.john);
      const text = await read(token, () => test.rows.delete({ digest: authToken.digest }));
      expect(text).toMatch(/event: error\n(?:.*\n)*data: Invalid token\.\n\n$/);
    });

    it('asks for no token once the client has gone', async () => {
      const { token } = await test.tokens.create(test.john);
      const leaving = new AbortController();
      await fetch(`${test.client.url}/ticks`, {
        headers: { authorization: `Token ${token}` },
        signal: leaving.signal,
      });
      leaving.abort();
      await new Promise((resolve) => setTimeout(resolve, 100));
      const sql = new SqlLog(test.dataSource);
      await new Promise((resolve) => setTimeout(resolve, 3 * INTERVAL_MS));
      expect(sql.statements).toEqual([]);
    });
  },
);

describe('LiveTokens.until', () => {
  let test: TestApp;
  beforeAll(async () => {
    test = await startApp(withLive({}));
  });
  afterEach(() => test.tokens.revokeAll(test.john));
  afterAll(() => test.close());

  const issue = async () => (await test.tokens.create(test.john)).authToken;

  async function isAsked(): Promise<boolean> {
    // A question that is under way is not counted.
    await new Promise((resolve) => setTimeout(resolve, 50));
    const sql = new SqlLog(test.dataSource);
    await new Promise((resolve) => setTimeout(resolve, 3 * INTERVAL_MS));
    return sql.statements.length > 0;
  }

  it('passes on what there is, and gives the error in place of the end', async () => {
    const authToken = await issue();
    const source = new Subject<number>();
    const seen: unknown[] = [];
    source.pipe(liveOf(test).until(authToken)).subscribe({
      next: (value) => seen.push(value),
      error: (error: unknown) => seen.push(error),
    });
    source.next(1);
    await test.tokens.revoke(authToken);
    source.next(2);
    expect(seen).toEqual([1, expect.any(KnoxUnauthorizedException)]);
    expect(source.observed).toBe(false);
  });

  it.each([
    ['completes', EMPTY],
    ['completes with a value', of(1)],
    ['fails', throwError(() => new Error('broken'))],
  ])('asks for no token of a stream that %s', async (_, source) => {
    const authToken = await issue();
    source.pipe(liveOf(test).until(authToken)).subscribe({ error: () => undefined });
    expect(await isAsked()).toBe(false);
  });

  it('asks only while there is a subscription', async () => {
    const stream = NEVER.pipe(liveOf(test).until(await issue()));
    expect(await isAsked()).toBe(false);
    const subscription = stream.subscribe();
    expect(await isAsked()).toBe(true);
    subscription.unsubscribe();
    expect(await isAsked()).toBe(false);
  });

  it('refuses what is no token before there is a subscription', () => {
    expect(() => liveOf(test).until('token' as never)).toThrow(TypeError);
  });
});

describe('LiveTokens.watch, in a GraphQL subscription', () => {
  let test: TestApp;
  beforeAll(async () => {
    const graphql = GraphQLModule.forRoot<ApolloDriverConfig>({
      driver: ApolloDriver,
      autoSchemaFile: true,
      includeStacktraceInErrorResponses: false,
      subscriptions: { 'graphql-ws': true },
    });
    test = await startApp(withLive({ imports: [graphql], providers: [TicksResolver] }));
  });
  afterAll(() => test.close());

  it('ends the subscription with the error', async () => {
    const { token } = await test.tokens.create(test.john);
    const socket = new WebSocket(
      `${test.client.url.replace('http', 'ws')}/graphql`,
      'graphql-transport-ws',
      { headers: { authorization: `Token ${token}` } },
    );
    const messages = on(socket, 'message');
    const hear = async () => JSON.parse(String((await messages.next()).value[0]));
    const say = (message: object) => {
      socket.send(JSON.stringify(message));
    };
    await new Promise((resolve) => socket.once('open', resolve));
    say({ type: 'connection_init' });
    expect(await hear()).toEqual({ type: 'connection_ack' });
    say({ id: '1', type: 'subscribe', payload: { query: 'subscription { ticks }' } });
    const ticking = setInterval(() => ticker.emit('tick', 'tick'), 20);
    try {
      expect(await hear()).toMatchObject({ type: 'next', payload: { data: { ticks: 'tick' } } });
      await test.client.post('/auth/logout', { token });
      let message = await hear();
      while (message.type === 'next' && !message.payload.errors) message = await hear();
      expect(JSON.stringify(message)).toContain('Invalid token.');
    } finally {
      clearInterval(ticking);
      socket.close();
    }
  });
});
