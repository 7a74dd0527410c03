import { Injectable, Logger } from '@nestjs/common';
import { OnEvent } from '@nestjs/event-emitter';
import { AuthFailedEvent, UserLoggedInEvent } from 'nestjs-knox';

@Injectable()
export class AuditLog {
  private readonly logger = new Logger('Audit');

  @OnEvent(UserLoggedInEvent.eventName)
  loggedIn({ authToken, ip }: UserLoggedInEvent) {
    this.logger.log(`login: ${authToken.tokenKey} from ${ip ?? '?'}`);
  }

  @OnEvent(AuthFailedEvent.eventName)
  failed({ reason, ip }: AuthFailedEvent) {
    this.logger.warn(`refused: ${reason}, from ${ip ?? '?'}`);
  }
}
