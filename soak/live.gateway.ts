import type { IncomingMessage } from 'node:http';
import { HttpException, Injectable } from '@nestjs/common';
import { WebSocketGateway, type OnGatewayConnection } from '@nestjs/websockets';
import type { WebSocket } from 'ws';
import { InjectTokenService, SessionToken, TokenService } from '../lib/index.ts';
import { LiveTokens } from '../lib/live/index.ts';
import { EVICTING_PREFIX, type EvictingToken } from './evicting-token.ts';

/** How long its sockets stay open without a verdict, in milliseconds: shorter than the longest faults. */
export const FAIL_AFTER_MS = 6_000;

/** The path of its sockets. */
export const LIVE_PATH = '/live';

/**
 * A socket that is closed when the token that opened it ends. Its only message tells of the handshake, with the status and
 * body that a request would get; after a 200, the token is watched.
 */
@Injectable()
@WebSocketGateway({ path: LIVE_PATH })
export class LiveGateway implements OnGatewayConnection {
  constructor(
    private readonly tokens: TokenService<SessionToken>,
    @InjectTokenService('evicting') private readonly evicting: TokenService<EvictingToken>,
    private readonly live: LiveTokens,
  ) {}

  async handleConnection(socket: WebSocket, { headers }: IncomingMessage): Promise<void> {
    const token = String(headers.authorization).slice('Token '.length);
    const service = token.startsWith(EVICTING_PREFIX) ? this.evicting : this.tokens;
    const tell = (status: number, body: object): void => {
      socket.send(JSON.stringify({ status, body }));
    };
    try {
      const { authToken } = await service.authenticate(token);
      this.live.closing(socket, authToken);
      tell(200, { expiry: authToken.expiry });
    } catch (error) {
      if (!(error instanceof HttpException)) throw error;
      tell(error.getStatus(), error.getResponse() as object);
      socket.close();
    }
  }
}
