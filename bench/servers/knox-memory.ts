// This package with logins, uses that are written and live sockets. It tells how much memory it has.
import type { IncomingMessage } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { Controller, Get, Injectable, Module, Req, UseGuards } from '@nestjs/common';
import { WsAdapter } from '@nestjs/platform-ws';
import { getRepositoryToken, TypeOrmModule } from '@nestjs/typeorm';
import { WebSocketGateway, type OnGatewayConnection } from '@nestjs/websockets';
import { Abilities, KnoxAuthGuard, KnoxModule, TokenService } from 'nestjs-knox';
import { KnoxLiveModule, LiveTokens } from 'nestjs-knox/live';
import type { Repository } from 'typeorm';
import type { WebSocket } from 'ws';
import { rawToken } from '../credentials.ts';
import { databaseWith, knoxOptions, meOf, serve } from './serve.ts';
import { ABILITY, BenchSessionToken } from './session-token.entity.ts';
import { User } from './user.entity.ts';

/** In bytes, after a garbage collection. */
export interface Memory {
  readonly resident: number;
  readonly heap: number;
}

/** Uses of tokens are gathered for a second before they are written. */
const SETTLE_MS = 3_000;

@Controller('me')
class MeController {
  @UseGuards(KnoxAuthGuard)
  @Abilities(ABILITY)
  @Get()
  me(@Req() request: any): object {
    return meOf(request.user);
  }
}

/** Sends a message once the token is watched. */
@Injectable()
@WebSocketGateway()
class LiveGateway implements OnGatewayConnection {
  constructor(
    private readonly tokens: TokenService<BenchSessionToken>,
    private readonly live: LiveTokens,
  ) {}

  async handleConnection(socket: WebSocket, { headers }: IncomingMessage): Promise<void> {
    const token = String(headers.authorization).slice('Token '.length);
    const { authToken } = await this.tokens.authenticate(token);
    this.live.closing(socket, authToken);
    socket.send('watched');
  }
}

@Module({
  imports: [
    TypeOrmModule.forRoot(databaseWith(BenchSessionToken)),
    KnoxModule.forRootAsync({
      imports: [TypeOrmModule.forFeature([User])],
      inject: [getRepositoryToken(User)],
      tokenEntity: BenchSessionToken,
      useFactory: (users: Repository<User>) => ({
        ...knoxOptions,
        verifyCredentials: (username: string) => users.findOneBy({ username }),
      }),
    }),
    KnoxLiveModule.forRoot(),
  ],
  controllers: [MeController],
  providers: [LiveGateway],
})
class AppModule {}

await serve(
  AppModule,
  (app) => ({
    async memory(): Promise<Memory> {
      await sleep(SETTLE_MS);
      for (let turn = 0; turn < 5; turn += 1) {
        globalThis.gc!();
        await sleep(100);
      }
      const { rss, heapUsed } = process.memoryUsage();
      return { resident: rss, heap: heapUsed };
    },
    async revoke(numbers: number[]): Promise<void> {
      const tokens = app.get(TokenService);
      for (const number of numbers) await tokens.revoke(rawToken(number));
    },
  }),
  (app) => app.useWebSocketAdapter(new WsAdapter(app)),
);
