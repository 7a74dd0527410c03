import { EventEmitter, once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import { Injectable, type INestApplication } from '@nestjs/common';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { WsAdapter } from '@nestjs/platform-ws';
import {
  SubscribeMessage,
  WebSocketGateway,
  type OnGatewayConnection,
  type OnGatewayInit,
} from '@nestjs/websockets';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { io } from 'socket.io-client';
import { WebSocket } from 'ws';
import { TokenService, type AuthToken } from '../../lib/index.ts';
import { LiveTokens } from '../../lib/live/index.ts';
import { startApp, type AdapterName, type TestApp } from '../support/app.ts';
import { pollFor } from '../support/polling.ts';
import { SqlLog } from '../support/sql-log.ts';
import { INTERVAL_MS, liveOf, NOTICED_MS, withLive } from './live-app.ts';

/** The payloads of the messages that a handler got. */
const handled: string[] = [];
/** The server's own sockets, the newest last. */
const sockets: EventEmitter[] = [];
/** Holds up what socket.io does before a client is connected. */
let admission: Promise<void> = Promise.resolve();

interface Handshake {
  handshake: IncomingMessage;
}

@Injectable()
@WebSocketGateway()
class LiveGateway implements OnGatewayInit, OnGatewayConnection {
  constructor(
    private readonly tokens: TokenService,
    private readonly live: LiveTokens,
  ) {}

  afterInit(server: { use?: (middleware: object) => void }): void {
    server.use?.(async (client: EventEmitter & Handshake, next: () => void) => {
      await this.#open(client, client.handshake);
      await admission;
      next();
    });
  }

  async handleConnection(client: EventEmitter, upgrade?: IncomingMessage): Promise<void> {
    if (upgrade) await this.#open(client, upgrade);
  }

  async #open(client: EventEmitter, { headers }: IncomingMessage): Promise<void> {
    const token = String(headers.authorization).slice('Token '.length);
    const { authToken } = await this.tokens.authenticate(token);
    this.live.closing(client, authToken);
    sockets.push(client);
  }

  @SubscribeMessage('say')
  say(_client: unknown, message: string): object {
    handled.push(message);
    return { event: 'heard', data: message };
  }
}

let test: TestApp;
let opened: { close(): void }[] = [];

function start(
  adapter: AdapterName,
  adapterOf: (app: INestApplication) => IoAdapter | WsAdapter,
): Promise<TestApp> {
  return startApp(
    withLive({
      adapter,
      providers: [LiveGateway],
      configure: (app: INestApplication) => {
        app.useWebSocketAdapter(adapterOf(app));
      },
    }),
  );
}

/** The server's own socket of the client that this connects. */
async function serverSocket<Client>(connect: () => Client): Promise<[EventEmitter, Client]> {
  const before = sockets.length;
  const client = connect();
  await pollFor(
    () => sockets.length,
    (count) => count > before,
  );
  return [sockets[before]!, client];
}

const headersOf = (token: string) => ({ authorization: `Token ${token}` });
const issue = () => test.tokens.create(test.john);
const deleteRow = ({ digest }: AuthToken) => test.rows.delete({ digest });

afterEach(() => {
  for (const client of opened) client.close();
  opened = [];
  handled.length = 0;
});

describe.each(['express', 'fastify'] as const)('LiveTokens.closing on ws, with %s', (adapter) => {
  beforeAll(async () => {
    test = await start(adapter, (app) => new WsAdapter(app));
  });
  afterAll(() => test.close());

  async function open(token: string) {
    const [server, client] = await serverSocket(
      () => new WebSocket(test.client.url.replace('http', 'ws'), { headers: headersOf(token) }),
    );
    opened.push(client);
    await pollFor(
      () => client.readyState,
      (state) => state === WebSocket.OPEN,
    );
    const closed = once(client, 'close').then(([code, reason]) => [code, String(reason)]);
    return { server, client, closed };
  }

  it('closes a socket with 4401 at the logout of its token, and no other', async () => {
    const { token } = await issue();
    const { closed } = await open(token);
    const other = await open((await issue()).token);
    await test.client.post('/auth/logout', { token });
    expect(await closed).toEqual([4401, 'invalid_token']);
    expect(other.client.readyState).toBe(WebSocket.OPEN);
  });

  it('closes it within five seconds if another program deletes the row', async () => {
    const { token, authToken } = await issue();
    const { closed } = await open(token);
    const began = performance.now();
    await deleteRow(authToken);
    expect(await closed).toEqual([4401, 'invalid_token']);
    expect(performance.now() - began).toBeLessThan(NOTICED_MS);
  });

  it('tells a client that its user is inactive', async () => {
    const { token } = await test.tokens.create(test.jane);
    const { closed } = await open(token);
    await test.users.update(test.jane.id, { isActive: false });
    expect(await closed).toEqual([4401, 'user_inactive']);
    await test.users.update(test.jane.id, { isActive: true });
  });

  it('handles no message of a client that does not answer the close frame, and cuts it off', async () => {
    const { token } = await issue();
    const [server, silent] = await serverSocket(() => openSilently(test.client.url, token));
    const socket = await silent;
    opened.push({ close: () => socket.destroy() });
    socket.write(textFrame({ event: 'say', data: 'before' }));
    await pollFor(
      () => handled,
      (messages) => messages.length > 0,
    );
    await test.client.post('/auth/logout', { token });
    const began = performance.now();
    const sending = setInterval(() => {
      socket.write(textFrame({ event: 'say', data: 'after' }));
    }, 20);
    socket.on('error', () => undefined);
    await once(server, 'close');
    clearInterval(sending);
    expect(performance.now() - began).toBeLessThan(NOTICED_MS);
    expect(handled).toEqual(['before']);
  });

  it('is released when the socket closes', async () => {
    const { token } = await issue();
    const { server, client } = await open(token);
    client.close();
    await once(server, 'close');
    const sql = new SqlLog(test.dataSource);
    await new Promise((resolve) => setTimeout(resolve, 3 * INTERVAL_MS));
    expect(sql.statements).toEqual([]);
  });

  it('is released at once for a socket that is closed', async () => {
    const { token, authToken } = await issue();
    const { server, client } = await open(token);
    client.close();
    await once(server, 'close');
    const before = server.listenerCount('close');
    const watch = liveOf(test).closing(server, authToken);
    await test.tokens.revoke(authToken);
    expect(watch.signal.aborted).toBe(false);
    expect(server.listenerCount('close')).toBe(before);
  });

  it('leaves no listener on a socket that stays open, and does not close it, once it is released', async () => {
    const { token } = await issue();
    const { server, client } = await open(token);
    const { authToken } = await issue();
    const before = server.listenerCount('close');
    liveOf(test).closing(server, authToken).release();
    expect(server.listenerCount('close')).toBe(before);
    await test.tokens.revoke(authToken);
    expect(client.readyState).toBe(WebSocket.OPEN);
  });
});

describe('LiveTokens.closing on socket.io', () => {
  beforeAll(async () => {
    test = await start('express', (app) => new IoAdapter(app));
  });
  afterAll(() => test.close());

  async function open(token: string, transport = 'websocket') {
    const [server, client] = await serverSocket(() =>
      io(test.client.url, {
        transports: [transport],
        forceNew: true,
        reconnection: false,
        extraHeaders: headersOf(token),
      }),
    );
    opened.push(client);
    const closed = new Promise<string>((resolve) => {
      client.once('disconnect', resolve);
    });
    return { server, client, closed };
  }

  async function connect(token: string, transport?: string) {
    const socket = await open(token, transport);
    await pollFor(
      () => socket.client.connected,
      (isConnected) => isConnected,
    );
    return socket;
  }

  it.each(['websocket', 'polling'])(
    'disconnects a client by %s at its logout',
    async (transport) => {
      const { token } = await issue();
      const { closed } = await connect(token, transport);
      const other = await connect((await issue()).token);
      await test.client.post('/auth/logout', { token });
      expect(await closed).toBe('io server disconnect');
      expect(other.client.connected).toBe(true);
    },
  );

  it('disconnects it if another program deletes the row', async () => {
    const { token, authToken } = await issue();
    const { closed } = await connect(token);
    await deleteRow(authToken);
    expect(await closed).toBe('io server disconnect');
  });

  it('closes the connection of a client that is not connected yet', async () => {
    let admit = (): void => undefined;
    admission = new Promise((resolve) => (admit = resolve));
    const { token } = await issue();
    const { server, client } = await open(token);
    const { conn } = server as unknown as { conn: { readyState: string } };
    expect(conn.readyState).toBe('open');
    await test.client.post('/auth/logout', { token });
    await pollFor(
      () => conn.readyState,
      (state) => state === 'closed',
    );
    expect(conn.readyState).toBe('closed');
    expect(client.connected).toBe(false);
    admit();
    admission = Promise.resolve();
  });

  it('is released when the client goes', async () => {
    const { token } = await issue();
    const { server, client } = await connect(token);
    client.disconnect();
    await pollFor(
      () => server.listenerCount('disconnect'),
      (count) => count === 0,
    );
    const sql = new SqlLog(test.dataSource);
    await new Promise((resolve) => setTimeout(resolve, 3 * INTERVAL_MS));
    expect(sql.statements).toEqual([]);
    const { authToken } = await issue();
    const watch = liveOf(test).closing(server, authToken);
    await test.tokens.revoke(authToken);
    expect(watch.signal.aborted).toBe(false);
  });

  it.each([
    ['null', null],
    ['an emitter', new EventEmitter()],
    [
      'a browser’s WebSocket',
      { readyState: 1, close: () => undefined, addEventListener: () => {} },
    ],
    ['text', 'socket'],
  ])('refuses %s', async (_, socket) => {
    const { authToken } = await issue();
    expect(() => liveOf(test).closing(socket as object, authToken)).toThrow(
      /^socket must be a WebSocket of ws, or a client of a socket\.io server; got /,
    );
  });
});

/** Opens a WebSocket that answers no frame of the server. */
async function openSilently(url: string, token: string): Promise<Socket> {
  const upgrade = request(url, {
    headers: {
      ...headersOf(token),
      connection: 'Upgrade',
      upgrade: 'websocket',
      'sec-websocket-version': '13',
      'sec-websocket-key': Buffer.alloc(16).toString('base64'),
    },
  });
  upgrade.end();
  const [, socket] = (await once(upgrade, 'upgrade')) as [IncomingMessage, Socket];
  return socket;
}

/** A masked text frame of fewer than 126 bytes. The mask is zero. @see RFC 6455 Section 5.2 */
function textFrame(message: object): Buffer {
  const text = Buffer.from(JSON.stringify(message));
  return Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), text]);
}
