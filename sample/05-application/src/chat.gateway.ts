import { Catch, HttpException, UseFilters, type ArgumentsHost } from '@nestjs/common';
import {
  BaseWsExceptionFilter,
  MessageBody,
  SubscribeMessage,
  WebSocketGateway,
  WsException,
} from '@nestjs/websockets';
import { CurrentUser, Public } from 'nestjs-knox';
import { Roles } from './roles.guard.js';
import type { User } from './user.entity.js';

/** A client gets what an HTTP client would: {"statusCode", "message", "error", "code"}. */
@Catch(HttpException)
export class SocketExceptionFilter extends BaseWsExceptionFilter {
  override catch(exception: HttpException, host: ArgumentsHost): void {
    super.catch(new WsException(exception.getResponse()), host);
  }
}

/** The guards of the application are asked about each message. */
@WebSocketGateway()
@UseFilters(new SocketExceptionFilter())
export class ChatGateway {
  @SubscribeMessage('say')
  say(@CurrentUser() user: User, @MessageBody() text: unknown) {
    return { event: 'said', data: { by: user.username, text } };
  }

  @Public()
  @SubscribeMessage('topic')
  topic(@CurrentUser() user?: User) {
    return { event: 'topic', data: { by: user?.username ?? null } };
  }

  @Roles(['admin'])
  @SubscribeMessage('close')
  close() {
    return { event: 'closed', data: {} };
  }
}
