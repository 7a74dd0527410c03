import { UseGuards } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { KnoxAuthGuard, Public } from '../../lib/index.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import { openSocketIo } from '../support/sockets.ts';

@WebSocketGateway()
class PlainGateway {
  @SubscribeMessage('plain')
  plain() {
    return { event: 'answered' };
  }
}

@WebSocketGateway()
@UseGuards(KnoxAuthGuard)
class GuardedGateway {
  @SubscribeMessage('guarded')
  guarded() {
    return { event: 'answered' };
  }
}

@WebSocketGateway()
class PublicGateway {
  @Public()
  @SubscribeMessage('public')
  open() {
    return { event: 'answered' };
  }
}

describe('a guard for the whole app, and gateways', () => {
  const log = new LogRecorder();
  let test: TestApp;
  beforeAll(async () => {
    test = await startApp({
      providers: [
        { provide: APP_GUARD, useClass: KnoxAuthGuard },
        PlainGateway,
        GuardedGateway,
        PublicGateway,
      ],
      configure: (app) => {
        app.useLogger(log);
        app.useWebSocketAdapter(new IoAdapter(app));
      },
    });
  });
  afterAll(() => test.close());

  it('a message without a token is refused, or the start has warned that it is not', async () => {
    const url = await test.app.getUrl();
    const socket = await openSocketIo(url);
    const isOpen = async (event: string) => (await socket.ask(event)).event === 'answered';
    expect([await isOpen('guarded'), await isOpen('public')]).toEqual([false, true]);
    const warnings = log.lines.filter(({ level }) => level === 'warn').map((line) => line.message);
    const warning = expect.stringMatching(
      /anybody may send them to PlainGateway\. Write @UseGuards/,
    );
    // NestJS 11 asks no global guard about messages of sockets.
    expect(warnings).toEqual((await isOpen('plain')) ? [warning] : []);
    socket.close();
  });
});
