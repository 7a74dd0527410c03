import { Injectable, Logger, Module } from '@nestjs/common';
import { EventEmitterModule, OnEvent } from '@nestjs/event-emitter';
import { AuthFailedEvent, UserLoggedInEvent } from 'nestjs-knox';

@Injectable()
export class AuditLog {
  private readonly logger = new Logger('Audit');

  @OnEvent(UserLoggedInEvent.eventName)
  loggedIn({ authToken, ip, userAgent }: UserLoggedInEvent) {
    this.logger.log(`login: ${authToken.tokenKey} from ${ip ?? '?'} with ${userAgent ?? '?'}`);
  }

  @OnEvent('knox.auth.failed')
  failed({ reason, ip }: AuthFailedEvent) {
    this.logger.warn(`refused: ${reason}, from ${ip ?? '?'}`);
  }
}

@Module({
  imports: [EventEmitterModule.forRoot()],
  providers: [AuditLog],
})
export class AuditModule {}
