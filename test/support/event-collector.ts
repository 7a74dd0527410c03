import { Injectable } from '@nestjs/common';
import { OnEvent } from '@nestjs/event-emitter';
import type {
  AuthFailedEvent,
  TokenCreatedEvent,
  TokenExpiredEvent,
  TokenRefreshedEvent,
  TokenRevokedEvent,
  UserLoggedInEvent,
  UserLoggedOutEvent,
} from '../../lib/index.ts';

export type AnyEvent =
  | UserLoggedInEvent
  | UserLoggedOutEvent
  | TokenCreatedEvent
  | TokenRefreshedEvent
  | TokenRevokedEvent
  | TokenExpiredEvent
  | AuthFailedEvent;

/** Keeps all events of the package with their names, in order. */
@Injectable()
export class EventCollector {
  readonly received: [name: string, event: AnyEvent][] = [];

  get names(): string[] {
    return this.received.map(([name]) => name);
  }

  get events(): AnyEvent[] {
    return this.received.map(([, event]) => event);
  }

  clear(): void {
    this.received.length = 0;
  }

  @OnEvent('knox.user.logged_in')
  loggedIn(event: AnyEvent): void {
    this.received.push(['knox.user.logged_in', event]);
  }

  @OnEvent('knox.user.logged_out')
  loggedOut(event: AnyEvent): void {
    this.received.push(['knox.user.logged_out', event]);
  }

  @OnEvent('knox.token.created')
  created(event: AnyEvent): void {
    this.received.push(['knox.token.created', event]);
  }

  @OnEvent('knox.token.refreshed')
  refreshed(event: AnyEvent): void {
    this.received.push(['knox.token.refreshed', event]);
  }

  @OnEvent('knox.token.revoked')
  revoked(event: AnyEvent): void {
    this.received.push(['knox.token.revoked', event]);
  }

  @OnEvent('knox.token.expired')
  expired(event: AnyEvent): void {
    this.received.push(['knox.token.expired', event]);
  }

  @OnEvent('knox.auth.failed')
  failed(event: AnyEvent): void {
    this.received.push(['knox.auth.failed', event]);
  }
}
