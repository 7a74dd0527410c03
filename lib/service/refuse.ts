import type { EventPublisher } from '../events/event.publisher.ts';
import { AuthFailedEvent } from '../events/knox.events.ts';
import type { ClientInfo } from '../requests/client-info.ts';
import type { AbstractAuthToken } from '../entities/abstract-auth-token.entity.ts';
import type { KnoxUnauthorizedException } from './knox.exceptions.ts';

/** Tells whoever listens that a request is refused, and gives the exception back to be thrown. */
export function refuse(
  events: EventPublisher,
  exception: KnoxUnauthorizedException,
  client: ClientInfo | null,
  authToken: AbstractAuthToken | null = null,
): KnoxUnauthorizedException {
  const user = authToken?.user ?? null;
  events.publish(AuthFailedEvent, exception.code, user, authToken, client);
  return exception;
}
