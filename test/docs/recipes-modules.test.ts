import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Logger } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { WsAdapter } from '@nestjs/platform-ws';
import { SchedulerRegistry } from '@nestjs/schedule';
import { WebSocket } from 'ws';
import { openSocketIo } from '../support/sockets.ts';
import { startApp, type TestApp, type TestAppOptions } from '../support/app.ts';
import { AuditModule } from './recipes/events.ts';
import { ApiModule } from './recipes/graphql.ts';
import { testOrders } from './recipes/acting-as.ts';
import { documentApi, OrdersController } from './recipes/openapi.ts';
import { LiveModule } from './recipes/live.module.ts';
import { NewsController } from './recipes/news.controller.ts';
import { NewsGateway } from './recipes/news.gateway.ts';
import { Pruning, PruningModule } from './recipes/prune.ts';
import { AppAuthGuard, ChatGateway } from './recipes/sockets.ts';

describe('a recipe with another package', () => {
  let test: TestApp;
  const start = async (options: TestAppOptions) => (test = await startApp(options));
  afterEach(() => test.close());

  it('listens to events', async () => {
    const logged = jest.spyOn(Logger.prototype, 'log').mockImplementation(() => {});
    const warned = jest.spyOn(Logger.prototype, 'warn').mockImplementation(() => {});
    const { client, login } = await start({ imports: [AuditModule] });
    const token = await login();
    await client.get('/me', { token: 'wrong' });
    expect(logged).toHaveBeenCalledWith(`login: ${token.slice(0, 15)} from 127.0.0.1 with ?`);
    expect(warned).toHaveBeenCalledWith('refused: invalid_token, from 127.0.0.1');
    logged.mockRestore();
    warned.mockRestore();
  });

  it('prunes on a schedule', async () => {
    const { app, john, rows, tokens } = await start({ imports: [PruningModule] });
    expect(app.get(SchedulerRegistry).getCronJob('prune-tokens').isActive).toBe(true);
    const { authToken } = await tokens.create(john);
    await rows.update({ digest: authToken.digest }, { expiry: new Date(0) });
    expect(await app.get(Pruning).prune()).toBe(1);
    expect(await rows.count()).toBe(0);
  });

  it('describes the guards and the routes to OpenAPI', async () => {
    let document: ReturnType<typeof documentApi> | undefined;
    const { client } = await start({
      controllers: [OrdersController],
      configure: (app) => void (document = documentApi(app)),
    });
    expect(document?.components?.securitySchemes).toMatchObject({
      knox: { type: 'apiKey', in: 'header', name: 'Authorization' },
    });
    expect(document?.paths['/auth/login']?.post?.requestBody).toBeDefined();
    expect(document?.paths['/orders']?.get?.security).toEqual([{ knox: [] }]);
    expect(Object.keys(document?.paths ?? {})).toEqual(
      expect.arrayContaining(['/auth/login', '/auth/logout', '/auth/logoutall']),
    );
    expect((await client.get('/docs-json')).status).toBe(200);
  });

  it('closes the socket and the stream of a token that is revoked', async () => {
    const { client, login } = await start({
      imports: [LiveModule],
      controllers: [NewsController],
      providers: [NewsGateway],
      configure: (app) => void app.useWebSocketAdapter(new WsAdapter(app)),
    });
    const token = await login();
    const headers = { authorization: `Token ${token}` };
    const socket = new WebSocket(client.url.replace('http', 'ws'), { headers });
    const closed = once(socket, 'close');
    await once(socket, 'open');
    const { body } = await fetch(`${client.url}/news`, { headers });
    // The gateway has asked for the token by then.
    await sleep(500);
    await client.post('/auth/logout', { token });
    expect((await closed).map(String)).toEqual(['4401', 'invalid_token']);
    let text = '';
    for await (const chunk of body!.pipeThrough(new TextDecoderStream())) text += chunk;
    expect(text).toContain('data: Invalid token.');

    const refused = new WebSocket(client.url.replace('http', 'ws'), { headers });
    expect((await once(refused, 'close'))[0]).toBe(4401);
  });

  it('gives a test a token of a user', async () => {
    const { app, client, john, rows } = await start({ controllers: [OrdersController] });
    await testOrders(app, client.url, john);
    expect(await rows.count()).toBe(0);
  });

  it('guards a GraphQL resolver', async () => {
    const { client, login } = await start({ imports: [ApiModule] });
    const ask = async (token?: string) => {
      const sending = { body: { query: '{ me }' }, ...(token !== undefined && { token }) };
      return (await client.post('/graphql', sending)).body;
    };
    expect(await ask(await login())).toEqual({ data: { me: 'john.doe' } });
    expect((await ask()).errors).toMatchObject([
      {
        message: 'Authentication credentials were not provided.',
        extensions: { originalError: { statusCode: 401, code: 'not_authenticated' } },
      },
    ]);
  });

  it.each([
    ['', []],
    [', and of the whole app', [{ provide: APP_GUARD, useClass: AppAuthGuard }]],
  ])('guards the messages of a socket%s', async (_, guards) => {
    const { client, login, tokens } = await start({ providers: [ChatGateway, ...guards] });
    const token = await login();
    expect((await client.get('/me', { token })).body.username).toBe('john.doe');
    const ask = async (auth: object, headers = {}) => {
      const socket = await openSocketIo(client.url, headers, auth);
      const { event, data } = await socket.ask('whoami');
      socket.close();
      return [event, data];
    };
    const refused = (code: string) => [
      'exception',
      expect.objectContaining({ statusCode: 401, code }),
    ];
    expect(await ask({ token })).toEqual(['you-are', 'john.doe']);
    expect(await ask({}, { authorization: `Token ${token}` })).toEqual(['you-are', 'john.doe']);
    expect(await ask({})).toEqual(refused('not_authenticated'));
    await tokens.revoke(token);
    expect(await ask({ token })).toEqual(refused('invalid_token'));
  });
});
