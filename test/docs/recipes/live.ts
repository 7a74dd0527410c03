import type { IncomingMessage } from 'node:http';
import { Controller, Module, Sse, UseGuards } from '@nestjs/common';
import { WebSocketGateway, type OnGatewayConnection } from '@nestjs/websockets';
import { interval, map, type Observable } from 'rxjs';
// #region module
import { KnoxLiveModule } from 'nestjs-knox/live';

@Module({ imports: [KnoxLiveModule.forRoot()] })
export class LiveModule {}
// #endregion
// #region gateway
import { TokenService } from 'nestjs-knox';
import { LiveTokens } from 'nestjs-knox/live';
import type { WebSocket } from 'ws';

@WebSocketGateway()
export class NewsGateway implements OnGatewayConnection {
  constructor(
    private readonly tokens: TokenService,
    private readonly live: LiveTokens,
  ) {}

  /** With socket.io: (client: Socket), and the token from client.handshake.auth. */
  async handleConnection(client: WebSocket, { headers }: IncomingMessage) {
    try {
      const [, token = ''] = (headers.authorization ?? '').split(' ');
      const { authToken } = await this.tokens.authenticate(token);
      this.live.closing(client, authToken);
    } catch (error) {
      client.close(4401, (error as { code?: string }).code);
    }
  }
}
// #endregion
// #region sse
import { CurrentToken, KnoxAuthGuard, type AuthToken } from 'nestjs-knox';

@Controller('news')
@UseGuards(KnoxAuthGuard)
export class NewsController {
  constructor(private readonly live: LiveTokens) {}

  @Sse()
  news(@CurrentToken() authToken: AuthToken): Observable<{ data: string }> {
    return interval(1000).pipe(
      map((second) => ({ data: `Still nothing after ${String(second)} s.` })),
      this.live.until(authToken),
    );
  }
}
// #endregion
