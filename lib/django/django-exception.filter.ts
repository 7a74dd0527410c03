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

/** A challenge as this package sets it: its scheme, and its scheme with the realm. */
const KNOX_CHALLENGE = /^((\S+) realm="[^"]*")(?:, (?:charset|error)=|$)/;

/**
 * Answers this package's exceptions, and no others, as django-rest-knox and Django REST framework do: `{"detail": …}`,
 * or `{"error": …}` if the limit is reached; with the challenge of knox's TokenAuthentication, `Token`, or that of
 * BasicAuthentication where a login was not sent as JSON. Use it for the whole application (APP_FILTER, useGlobalFilters) or for some of its
 * controllers. The error of a GraphQL operation or of a microservice's message passes unchanged; that of a gateway's
 * message becomes the event `exception`.
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
        // NestJS does the same without a filter. An error thrown here would end the process.
        const { message } = exception;
        host.switchToWs().getClient<Socket>().emit('exception', { status: 'error', message });
        return undefined;
      }
      default:
        // GraphQL takes the error that a filter throws as the operation's error.
        throw exception;
    }
  }

  private answer(exception: KnoxException, host: ArgumentsHost): void {
    const response = host.switchToHttp().getResponse<Response>();
    if (exception instanceof KnoxUnauthorizedException) rewriteChallenge(response);
    const { message } = exception;
    const isLimit = exception instanceof TokenLimitExceededException;
    response.status(exception.getStatus());
    response.send(isLimit ? { error: message } : { detail: message });
  }
}

/**
 * Rewrites a challenge of this package, and leaves others alone. The scheme stays: at a login with JSON it is that of
 * tokens, because browsers open a dialog at a Basic challenge.
 */
function rewriteChallenge(response: Response): void {
  const [, withRealm = '', scheme] =
    KNOX_CHALLENGE.exec(String(response.getHeader(CHALLENGE))) ?? [];
  if (scheme === undefined) return;
  response.header(CHALLENGE, scheme === 'Basic' ? withRealm : scheme);
}
