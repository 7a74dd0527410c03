const error = (statusCode: number, error: string, code: string, message: string) => ({
  statusCode,
  message,
  error,
  code,
});

/** The error bodies of the documentation, by cause. */
export const ERRORS = {
  notAuthenticated: error(
    401,
    'Unauthorized',
    'not_authenticated',
    'Authentication credentials were not provided.',
  ),
  emptyHeader: error(
    401,
    'Unauthorized',
    'invalid_header',
    'Invalid token header. No credentials provided.',
  ),
  ambiguousHeader: error(
    401,
    'Unauthorized',
    'invalid_header',
    'Invalid token header. Token string should not contain spaces.',
  ),
  invalidToken: error(401, 'Unauthorized', 'invalid_token', 'Invalid token.'),
  userInactive: error(401, 'Unauthorized', 'user_inactive', 'User inactive or deleted.'),
  invalidCredentials: error(
    401,
    'Unauthorized',
    'invalid_credentials',
    'Invalid username/password.',
  ),
  ambiguousCookie: error(
    401,
    'Unauthorized',
    'invalid_header',
    'Invalid token cookie. It was sent more than once.',
  ),
  crossOrigin: error(403, 'Forbidden', 'cross_origin', 'Cross-origin request refused.'),
  limitExceeded: error(
    403,
    'Forbidden',
    'token_limit_exceeded',
    'Maximum amount of tokens allowed per user exceeded.',
  ),
  unavailable: error(503, 'Service Unavailable', 'unavailable', 'Authentication is unavailable.'),
} as const;

/** The body of a 400. The message names the cause. */
export const badRequest = (message: string) =>
  error(400, 'Bad Request', 'invalid_request', message);

/** The WWW-Authenticate header of a 401. */
export const CHALLENGES = {
  token: 'Token realm="api"',
  badToken: 'Token realm="api", error="invalid_token"',
  basic: 'Basic realm="api", charset="UTF-8"',
} as const;
