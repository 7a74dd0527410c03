import type { AbstractAuthToken } from '../entities/abstract-auth-token.entity.ts';
import type { ClientInfo } from '../requests/client-info.ts';

/** Where an event happens. */
export interface EventOrigin {
  /** The realm of the token. */
  readonly realm: string;
  /** Null if there is no request. */
  readonly client: ClientInfo | null;
}

/**
 * Base of all events. A property is null if there is nothing to tell. No event holds the request, a raw token
 * or a password.
 */
export abstract class KnoxEvent implements ClientInfo {
  readonly ip: string | null;
  readonly userAgent: string | null;
  /** The realm of the KnoxModule that sends it. */
  readonly realm: string;

  constructor(
    readonly user: object | null,
    readonly authToken: AbstractAuthToken | null,
    { realm, client }: EventOrigin,
  ) {
    this.realm = realm;
    this.ip = client?.ip ?? null;
    this.userAgent = client?.userAgent ?? null;
  }
}

/** Base of events about one user and one token. */
abstract class TokenEvent extends KnoxEvent {
  declare readonly user: object;
  declare readonly authToken: AbstractAuthToken;

  // eslint-disable-next-line @typescript-eslint/no-useless-constructor -- it narrows the parameters
  constructor(user: object, authToken: AbstractAuthToken, origin: EventOrigin) {
    super(user, authToken, origin);
  }
}

/** Base of events about deleted tokens. */
abstract class TokenCountEvent extends KnoxEvent {
  constructor(
    user: object | null,
    authToken: AbstractAuthToken | null,
    /** How many tokens were deleted. */
    readonly count: number,
    origin: EventOrigin,
  ) {
    super(user, authToken, origin);
  }
}

/** A user logged in on the login route, and has a token. (knox: user_logged_in) */
export class UserLoggedInEvent extends TokenEvent {
  static readonly eventName = 'knox.user.logged_in';
}

/** A user logged out, from this device or from all. (knox: user_logged_out) */
export class UserLoggedOutEvent extends TokenEvent {
  static readonly eventName = 'knox.user.logged_out';
}

/** A token was saved, by the login route or by `TokenService.create`. */
export class TokenCreatedEvent extends TokenEvent {
  static readonly eventName = 'knox.token.created';
}

/** A token was refreshed: `authToken.expiry` is its new expiry. */
export class TokenRefreshedEvent extends TokenEvent {
  static readonly eventName = 'knox.token.refreshed';
}

/**
 * Why tokens were deleted before they expired: a logout, or one everywhere (`logout_all`); a session that the user ended,
 * or all others; a login past the limit that took their place (`limit`); a new login in the same session; a token for a
 * single use; or a call of `TokenService`, or a login that could not be answered (`service`).
 */
export type RevocationReason =
  | 'logout'
  | 'logout_all'
  | 'session'
  | 'other_sessions'
  | 'limit'
  | 'reauthenticated'
  | 'consumed'
  | 'service';

/** Tokens were deleted before they expired. */
export class TokenRevokedEvent extends TokenCountEvent {
  static readonly eventName = 'knox.token.revoked';

  constructor(
    readonly reason: RevocationReason,
    user: object | null,
    authToken: AbstractAuthToken | null,
    count: number,
    origin: EventOrigin,
  ) {
    super(user, authToken, count, origin);
  }
}

/** Expired tokens were deleted; `authToken` is the one that was presented, if any. (knox: token_expired) */
export class TokenExpiredEvent extends TokenCountEvent {
  static readonly eventName = 'knox.token.expired';
}

/** A request or a login was refused with a 401. */
export class AuthFailedEvent extends KnoxEvent {
  static readonly eventName = 'knox.auth.failed';

  constructor(
    /** The `code` of the answer. */
    readonly reason: string,
    user: object | null,
    authToken: AbstractAuthToken | null,
    origin: EventOrigin,
  ) {
    super(user, authToken, origin);
  }
}
