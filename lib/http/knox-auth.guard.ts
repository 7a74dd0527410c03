import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import type { KnoxRequest } from '../requests/knox-request.ts';
import { KnoxUnauthorizedException } from '../service/knox.exceptions.ts';
import type { Authenticated } from '../service/token.authenticator.ts';
import { setChallenge, tokenChallenge } from './challenge.ts';
import {
  guardedCall,
  requestOf,
  type AuthContext,
  type KnoxResponse,
} from './execution-context.ts';
import { PUBLIC_METADATA } from './public.decorator.ts';
import { RequestAuthenticator } from './request-authenticator.ts';

/** The metadata key of the guards of a class or handler: NestJS's GUARDS_METADATA, which is not public. */
const GUARDS_METADATA = '__guards__';

/**
 * Requires a good token, and sets `request.user`, `request.authInfo` and `request.authToken`. It works for HTTP,
 * GraphQL and WebSocket handlers. Its dependencies are properties, so that a subclass has its constructor to
 * itself.
 *
 * @throws KnoxUnauthorizedException with a WWW-Authenticate challenge
 * @throws KnoxUnavailableException
 * @publicApi
 */
@Injectable()
export class KnoxAuthGuard implements CanActivate {
  @Inject(RequestAuthenticator)
  private readonly requests!: RequestAuthenticator;

  /** What the decorators say, by handler and class, because several classes may inherit a handler. */
  private readonly publicHandlers = new WeakMap<object, Map<unknown, boolean>>();

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (this.isPublic(context)) return true;
    const { scope, authContext, response } = guardedCall(context);
    const request = this.getRequest(context);
    try {
      const found = await this.requests.authenticate(request, scope);
      setAuthContext(authContext, found);
      if (request !== authContext) setAuthContext(request, found);
      if (!found) this.handleAnonymous(context);
      return true;
    } catch (error) {
      throw this.withChallenge(error, response);
    }
  }

  /** The request whose headers hold the token. By default it is found in the execution context. */
  protected getRequest(context: ExecutionContext): KnoxRequest {
    return requestOf(context);
  }

  /**
   * Whether `@Public()` opens this handler to this guard. The decorator nearest to the handler counts. A guard of
   * yours that calls this one is not among the handler's guards, so it should override this with false.
   */
  protected isPublic(context: ExecutionContext): boolean {
    const [handler, type] = [context.getHandler(), context.getClass()];
    let known = this.publicHandlers.get(handler);
    if (!known) this.publicHandlers.set(handler, (known = new Map<unknown, boolean>()));
    let isPublic = known.get(type);
    if (isPublic === undefined) {
      isPublic = this.isPublicByMetadata(handler, type);
      known.set(type, isPublic);
    }
    return isPublic;
  }

  private isPublicByMetadata(...targets: object[]): boolean {
    for (const target of targets) {
      const guards = (Reflect.getMetadata(GUARDS_METADATA, target) ?? []) as unknown[];
      if (guards.includes(this.constructor)) return false;
      if (Reflect.getMetadata(PUBLIC_METADATA, target) === true) return true;
    }
    return false;
  }

  private withChallenge(error: unknown, response: Partial<KnoxResponse> | null): unknown {
    if (error instanceof KnoxUnauthorizedException) {
      const { authHeaderPrefix } = this.requests.settings;
      setChallenge(response, tokenChallenge(authHeaderPrefix, error.tokenGiven));
    }
    return error;
  }

  /** Called for a request without credentials. Unless this throws, the request passes without a user. */
  protected handleAnonymous(context: ExecutionContext): void {
    const { scope } = guardedCall(context);
    const op = this.requests.operationOf(this.getRequest(context), scope);
    throw this.requests.tokens.refuse(new KnoxUnauthorizedException('not_authenticated'), op);
  }
}

/** Overwrites whatever other middleware has put there. */
function setAuthContext(authContext: AuthContext, found: Authenticated | null): void {
  authContext.user = found?.user;
  authContext.authInfo = found?.authToken;
  authContext.authToken = found?.authToken;
}
