import type { IncomingMessage } from 'node:http';
import {
  Catch,
  HttpException,
  Injectable,
  UseFilters,
  UseGuards,
  type ArgumentsHost,
  type WsExceptionFilter,
} from '@nestjs/common';
import {
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  type OnGatewayConnection,
} from '@nestjs/websockets';
import { AuthToken, CurrentToken, KnoxAuthGuard, TokenService } from '../../lib/index.ts';

/** The number of a message, by which its answer is found: answers may come in another order. */
export interface Numbered {
  readonly number: number;
}

/** What a socket gets for a message: the status and body that an HTTP request would get. */
export interface NumberedAnswer extends Numbered {
  readonly status: number;
  readonly body: Record<string, any>;
}

type Message = Partial<Numbered> | null;

/** A message may be anything: then its answer has no number. */
const answerTo = (message: Message, status: number, body: object) => ({
  event: 'answer',
  data: { number: message?.number, status, body },
});

/** Sends the reason to the client, which NestJS does not do by default. */
@Catch(HttpException)
class RefusalFilter implements WsExceptionFilter<HttpException> {
  catch(exception: HttpException, host: ArgumentsHost): void {
    const ws = host.switchToWs();
    const body = exception.getResponse() as object;
    const answer = answerTo(ws.getData<Message>(), exception.getStatus(), body);
    ws.getClient<{ send(text: string): void }>().send(JSON.stringify(answer));
  }
}

/** Messages over `ws` that need a token: `me`, and `logout`, which revokes the socket's own token. */
@Injectable()
@WebSocketGateway()
@UseFilters(RefusalFilter)
@UseGuards(KnoxAuthGuard)
export class MeGateway implements OnGatewayConnection {
  constructor(private readonly tokens: TokenService) {}

  /** Keeps the upgrade request: the ws adapter passes it on, but does not put it on the socket. */
  handleConnection(client: { request?: IncomingMessage }, request: IncomingMessage): void {
    client.request = request;
  }

  @SubscribeMessage('me')
  me(@MessageBody() message: Message, @CurrentToken() token: AuthToken): object {
    const { tokenKey, expiry } = token;
    return answerTo(message, 200, { tokenKey, expiry });
  }

  /** 204 where the token is gone, whoever has revoked it: as `POST /auth/logout` does. */
  @SubscribeMessage('logout')
  async logout(@MessageBody() message: Message, @CurrentToken() token: AuthToken): Promise<object> {
    await this.tokens.revoke(token);
    return answerTo(message, 204, {});
  }
}
