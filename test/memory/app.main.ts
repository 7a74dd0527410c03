import type { IncomingMessage } from 'node:http';
import { writeHeapSnapshot } from 'node:v8';
import { Body, Controller, HttpCode, Injectable, Module, Post } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { WsAdapter } from '@nestjs/platform-ws';
import { TypeOrmModule } from '@nestjs/typeorm';
import { WebSocketGateway, type OnGatewayConnection } from '@nestjs/websockets';
import type { WebSocket } from 'ws';
import { KnoxModule, SessionToken, TokenService } from '../../lib/index.ts';
import { KnoxLiveModule, LiveTokens } from '../../lib/live/index.ts';
import { AppProcessController, obeyCommands, verifyNumberedUser } from '../support/app-commands.ts';
import { User } from '../support/users.ts';

/** The program of an AppProcess with live sockets, whose heap can be looked at. */

/** Sends a message once the token is watched. */
@Injectable()
@WebSocketGateway()
class LiveGateway implements OnGatewayConnection {
  constructor(
    private readonly tokens: TokenService,
    private readonly live: LiveTokens,
  ) {}

  async handleConnection(socket: WebSocket, { headers }: IncomingMessage): Promise<void> {
    const token = String(headers.authorization).slice('Token '.length);
    const { authToken } = await this.tokens.authenticate(token);
    this.live.closing(socket, authToken);
    socket.send('watched');
  }
}

@Controller()
class HeapController extends AppProcessController {
  /** Collects garbage first. */
  @Post('snapshot')
  @HttpCode(204)
  snapshot(@Body() { path }: { path: string }): void {
    writeHeapSnapshot(path);
  }
}

obeyCommands(async ({ database, knox, password }) => {
  @Module({
    imports: [
      TypeOrmModule.forRoot({ ...database, entities: [User, SessionToken] }),
      KnoxModule.forRoot({
        tokenEntity: SessionToken,
        verifyCredentials: verifyNumberedUser(password),
        ...knox,
      }),
      KnoxLiveModule.forRoot(),
    ],
    controllers: [HeapController],
    providers: [LiveGateway],
  })
  class HeapModule {}

  const app = await NestFactory.create(HeapModule, { logger: false, abortOnError: false });
  app.useWebSocketAdapter(new WsAdapter(app));
  return app;
});
