import { Catch, type ArgumentsHost, type ExceptionFilter } from '@nestjs/common';
import { throwError, type Observable } from 'rxjs';
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

/** The part of a gateway's client that is used here. */
interface Socket {
  emit(event: string, payload: object): unknown;
}

const CHALLENGE = 'WWW-Authenticate';

/** The challenge of Django REST framework's BasicAuthentication. */
const BASIC_CHALLENGE = 'Basic realm="api"';

/** A challenge as this package sets it, from which the scheme is taken. */
const KNOX_CHALLENGE = /^(\S+) realm="api"/;

/**
 * Answers this package's exceptions as django-rest-knox and Django REST framework do:
 * `{"detail": …}`, or `{"error": …}` where the limit is reached, and the challenge of knox's
 * TokenAuthentication, `Token`, or of BasicAuthentication on the login. No other exception comes
 * here. For the whole application (APP_FILTER, useGlobalFilters) or some of its controllers; the
 * error of a GraphQL operation or of a microservice's message passes unchanged, and that of a
 * gateway's is the event `exception`.
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
  catch(exception: KnoxException, host: ArgumentsHost): Observable<never> | undefined {
    switch (host.getType<'http' | 'rpc' | 'ws' | 'graphql'>()) {
      case 'http':
        this.answer(exception, host);
        return undefined;
      case 'rpc':
        return throwError(() => exception);
      case 'ws': {
        // As NestJS does without a filter: an error that leaves one ends the process.
        const { message } = exception;
        host.switchToWs().getClient<Socket>().emit('exception', { status: 'error', message });
        return undefined;
      }
      default:
        // For GraphQL, what a filter throws is the operation's error.
        throw exception;
    }
  }

  private answer(exception: KnoxException, host: ArgumentsHost): void {
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
  const scheme = KNOX_CHALLENGE.exec(String(response.getHeader(CHALLENGE)))?.[1];
  if (scheme === undefined) return;
  // A view of DRF names its first authenticator, whichever way the credentials came.
  const isBasic = scheme === 'Basic' || code === 'invalid_credentials';
  response.header(CHALLENGE, isBasic ? BASIC_CHALLENGE : scheme);
}
