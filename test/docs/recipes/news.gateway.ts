import type { IncomingMessage } from 'node:http';
import { WebSocketGateway, type OnGatewayConnection } from '@nestjs/websockets';
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
