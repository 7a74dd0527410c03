import {
  BadRequestException,
  ForbiddenException,
  NotFoundException,
  ServiceUnavailableException,
  UnauthorizedException,
} from '@nestjs/common';

/** Why a request was not authenticated, and what the client is told. */
const UNAUTHORIZED = {
  not_authenticated: 'Authentication credentials were not provided.',
  invalid_header: 'Invalid token header. No credentials provided.',
  invalid_token: 'Invalid token.',
  user_inactive: 'User inactive or deleted.',
  invalid_credentials: 'Invalid username/password.',
} as const;

/** The stable `code` of a 401. */
export type UnauthorizedCode = keyof typeof UNAUTHORIZED;

/** A body as NestJS makes it, with a `code` that does not change. */
const body = (
  statusCode: number,
  message: string,
  error: string,
  code: string,
): Record<string, unknown> => ({ statusCode, message, error, code });

/** 401: the request has no credentials, or bad ones. `code` says which. */
export class KnoxUnauthorizedException extends UnauthorizedException {
  constructor(
    readonly code: UnauthorizedCode,
    /** Whether the client sent a token: the challenge then says that it is invalid. */
    readonly tokenGiven = code === 'invalid_token' || code === 'user_inactive',
    message: string = UNAUTHORIZED[code],
  ) {
    super(body(401, message, 'Unauthorized', code));
  }

  /** Several cookies that could hold the token. */
  static ambiguousCookie(): KnoxUnauthorizedException {
    const message = 'Invalid token cookie. It was sent more than once.';
    return new KnoxUnauthorizedException('invalid_header', true, message);
  }

  /** Several words after the scheme, or several headers. */
  static ambiguousHeader(): KnoxUnauthorizedException {
    const message = 'Invalid token header. Token string should not contain spaces.';
    return new KnoxUnauthorizedException('invalid_header', true, message);
  }
}

/** 400, code `invalid_request`: the body of a login cannot be used. The message says why. */
export class KnoxBadRequestException extends BadRequestException {
  readonly code = 'invalid_request';

  constructor(message: string) {
    super(body(400, message, 'Bad Request', 'invalid_request'));
  }
}

/** Why a good token, or a request, may not do what it asks for, and what the client is told. */
const FORBIDDEN = {
  insufficient_ability: 'This token may not do that.',
  reauthentication_required: 'Please confirm who you are.',
  cross_origin: 'Cross-origin request refused.',
} as const;

/** The stable `code` of a KnoxForbiddenException. */
export type ForbiddenCode = keyof typeof FORBIDDEN;

/** 403: the token is good, but not for this, or a page of another origin sent it in a cookie. `code` says why. */
export class KnoxForbiddenException extends ForbiddenException {
  /**
   * @param challenge the attributes of the challenge, for clients that want to know what is missing
   * @see RFC 6750 Section 3.1, RFC 9470 Section 3
   */
  constructor(
    readonly code: ForbiddenCode,
    readonly challenge = '',
  ) {
    super(body(403, FORBIDDEN[code], 'Forbidden', code));
  }

  /** @param scope the abilities that would do */
  static insufficientAbility(scope: readonly string[] = []): KnoxForbiddenException {
    const asked = scope.length > 0 ? `, scope="${scope.join(' ')}"` : '';
    return new KnoxForbiddenException('insufficient_ability', `error="insufficient_scope"${asked}`);
  }

  /** @param maxAge how long ago the holder may have proved a password, in milliseconds */
  static reauthenticationRequired(maxAge: number): KnoxForbiddenException {
    const seconds = String(Math.floor(maxAge / 1_000));
    return new KnoxForbiddenException(
      'reauthentication_required',
      `error="insufficient_user_authentication", max_age=${seconds}`,
    );
  }
}

/** 404, code `unknown_session`: the user has no unexpired token of this id. */
export class UnknownSessionException extends NotFoundException {
  readonly code = 'unknown_session';

  constructor() {
    super(body(404, 'There is no such session.', 'Not Found', 'unknown_session'));
  }
}

/** 403, code `token_limit_exceeded`: the user already holds as many tokens as the limit allows. */
export class TokenLimitExceededException extends ForbiddenException {
  readonly code = 'token_limit_exceeded';

  constructor() {
    super(
      body(
        403,
        'Maximum amount of tokens allowed per user exceeded.',
        'Forbidden',
        'token_limit_exceeded',
      ),
    );
  }
}

/**
 * 503, code `unavailable`: the database or a hook failed or gave no answer in time, so that nothing is known about the
 * credentials. `cause` is the error, for the application's logs and never for the client.
 */
export class KnoxUnavailableException extends ServiceUnavailableException {
  readonly code = 'unavailable';

  constructor(cause: unknown) {
    super(body(503, 'Authentication is unavailable.', 'Service Unavailable', 'unavailable'), {
      cause,
    });
  }
}
