import { UseFilters, UseGuards } from '@nestjs/common';
import type { ArgumentsHost } from '@nestjs/common';
import { IoAdapter } from '@nestjs/platform-socket.io';
import { SubscribeMessage, WebSocketGateway } from '@nestjs/websockets';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { isObservable, lastValueFrom } from 'rxjs';
import { io, type Socket } from 'socket.io-client';
import { DjangoExceptionFilter } from '../../lib/django/index.ts';
import { KnoxAuthGuard, KnoxUnauthorizedException } from '../../lib/index.ts';
import { startApp, type TestApp } from '../support/app.ts';

@WebSocketGateway()
@UseFilters(DjangoExceptionFilter)
class SecretGateway {
  @SubscribeMessage('secret')
  @UseGuards(KnoxAuthGuard)
  secret(): string {
    return 'secret';
  }
}

let test: TestApp;
let socket: Socket;
beforeAll(async () => {
  test = await startApp({
    providers: [SecretGateway],
    configure: (app) => app.useWebSocketAdapter(new IoAdapter(app)),
  });
  socket = io(test.client.url, { transports: ['websocket'] });
});
afterAll(async () => {
  socket.disconnect();
  await test.close();
});

it('DjangoExceptionFilter tells a client of a gateway, and the application goes on', async () => {
  for (let message = 0; message < 2; message++) {
    const told = new Promise((resolve) => socket.once('exception', resolve));
    socket.emit('secret');
    expect(await told).toEqual({
      status: 'error',
      message: 'Authentication credentials were not provided.',
    });
  }
});

it('DjangoExceptionFilter gives a microservice’s caller the error', async () => {
  const exception = new KnoxUnauthorizedException('invalid_token');
  const host = { getType: () => 'rpc' } as unknown as ArgumentsHost;
  const answer = new DjangoExceptionFilter().catch(exception, host);
  expect(isObservable(answer)).toBe(true);
  await expect(lastValueFrom(answer!)).rejects.toBe(exception);
});
