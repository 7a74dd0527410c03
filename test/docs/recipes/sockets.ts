import {
  Catch,
  HttpException,
  Injectable,
  UseFilters,
  UseGuards,
  type ArgumentsHost,
  type ExecutionContext,
} from '@nestjs/common';
import {
  BaseWsExceptionFilter,
  SubscribeMessage,
  WebSocketGateway,
  WsException,
} from '@nestjs/websockets';
import { CurrentUser, KnoxAuthGuard, type KnoxRequest } from 'nestjs-knox';
import type { Socket } from 'socket.io';
import type { User } from './user.entity.ts';

/** A client gets what an HTTP client would: {"statusCode", "message", "error", "code"}. */
@Catch(HttpException)
export class SocketExceptionFilter extends BaseWsExceptionFilter {
  override catch(exception: HttpException, host: ArgumentsHost): void {
    super.catch(new WsException(exception.getResponse()), host);
  }
}

/** For browsers too, which can't set a header for a socket: io(url, { auth: { token } }). */
@Injectable()
export class AppAuthGuard extends KnoxAuthGuard {
  protected override getRequest(context: ExecutionContext): KnoxRequest {
    if (context.getType() !== 'ws') return super.getRequest(context);
    const { auth, headers, address } = context.switchToWs().getClient<Socket>().handshake;
    const given = auth.token ? { authorization: `Token ${String(auth.token)}` } : headers;
    return { headers: given, ip: address };
  }
}

@WebSocketGateway()
@UseFilters(new SocketExceptionFilter())
@UseGuards(AppAuthGuard)
export class ChatGateway {
  @SubscribeMessage('whoami')
  whoami(@CurrentUser() user: User) {
    return { event: 'you-are', data: user.username };
  }
}
