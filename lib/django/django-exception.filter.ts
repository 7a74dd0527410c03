import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import type { KnoxResponse } from '../http/execution-context.ts';
import {
  KnoxBadRequestException,
  KnoxUnauthorizedException,
  KnoxUnavailableException,
  TokenLimitExceededException,
} from '../service/knox.exceptions.ts';

type KnoxException =
  | KnoxBadRequestException
  | KnoxUnauthorizedException
  | KnoxUnavailableException
  | TokenLimitExceededException;

/** The part of Express's response and of Fastify's reply that is used here. */
interface Response extends KnoxResponse {
  getHeader(name: string): unknown;
  send(body: object): unknown;
}

const CHALLENGE = 'WWW-Authenticate';

/** The challenge of Django REST framework's BasicAuthentication. */
const BASIC_CHALLENGE = 'Basic realm="api"';

/** A challenge as this package sets it, from which the scheme is taken. */
const OUR_CHALLENGE = /^(\S+) realm="api"/;

/**
 * Answers this package's exceptions as django-rest-knox and Django REST framework do:
 * `{"detail": …}`, or `{"error": …}` where the limit is reached, and the challenge of knox's
 * TokenAuthentication, `Token`, or of BasicAuthentication on the login. No other exception comes
 * here. For the whole application (APP_FILTER, useGlobalFilters) or some of its controllers; a
 * GraphQL operation's error passes unchanged.
 *
 * @publicApi
 */
@Catch(
  KnoxBadRequestException,
  KnoxUnauthorizedException,
  KnoxUnavailableException,
  TokenLimitExceededException,
)
export class DjangoExceptionFilter implements ExceptionFilter<KnoxException> {
  catch(exception: KnoxException, host: ArgumentsHost): void {
    if (host.getType() !== 'http') throw exception;
    const response = host.switchToHttp().getResponse<Response>();
    if (exception instanceof KnoxUnauthorizedException) rewriteChallenge(response, exception);
    const { message } = exception;
    const isLimit = exception instanceof TokenLimitExceededException;
    response.status(exception.getStatus());
    response.send(isLimit ? { error: message } : { detail: message });
  }
}

/** A challenge that is not of this package, or none, stays as it is. */
function rewriteChallenge(response: Response, { code }: KnoxUnauthorizedException): void {
  const scheme = OUR_CHALLENGE.exec(String(response.getHeader(CHALLENGE)))?.[1];
  if (scheme === undefined) return;
  // A view of DRF names its first authenticator, whichever way the credentials came.
  const isBasic = scheme === 'Basic' || code === 'invalid_credentials';
  response.header(CHALLENGE, isBasic ? BASIC_CHALLENGE : scheme);
}
