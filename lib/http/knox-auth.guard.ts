import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { KnoxUnauthorizedException } from '../service/knox.exceptions.ts';
import type { Authenticated } from '../service/token.authenticator.ts';
import type { KnoxRequest } from '../requests/knox-request.ts';
import { setChallenge, tokenChallenge } from './challenge.ts';
import {
  guardedCall,
  requestOf,
  type AuthContext,
  type KnoxResponse,
} from './execution-context.ts';
import { PUBLIC_METADATA } from './public.decorator.ts';
import { RequestAuthenticator } from './request-authenticator.ts';

/** Where NestJS keeps the guards of a class or handler (its GUARDS_METADATA, which is not public). */
const GUARDS_METADATA = '__guards__';

/**
 * Lets through whoever brings a good token, and leaves `request.user`, `request.authInfo` and
 * `request.authToken`. For HTTP, GraphQL and WebSocket handlers. Its dependencies are properties, so
 * that a subclass owns its constructor.
 *
 * @throws KnoxUnauthorizedException with a WWW-Authenticate challenge
 * @throws KnoxUnavailableException
 * @publicApi
 */
@Injectable()
export class KnoxAuthGuard implements CanActivate {
  @Inject(RequestAuthenticator)
  private readonly requests!: RequestAuthenticator;

  /** What decorators say of a handler and its class, which may have inherited it: read once. */
  private readonly publicHandlers = new WeakMap<object, Map<unknown, boolean>>();

  async canActivate(context: ExecutionContext): Promise<boolean> {
    if (this.isPublic(context)) return true;
    const { scope: occasion, authContext: carrier, response } = guardedCall(context);
    const request = this.getRequest(context);
    try {
      const found = await this.requests.authenticate(request, occasion);
      setAuthContext(found, carrier);
      if (request !== carrier) setAuthContext(found, request);
      if (!found) this.handleAnonymous(context);
      return true;
    } catch (error) {
      throw this.withChallenge(error, response);
    }
  }

  /** The request whose headers hold the token. */
  protected getRequest(context: ExecutionContext): KnoxRequest {
    return requestOf(context);
  }

  /**
   * Whether `@Public()` opens this handler to this guard: what is nearest to the handler counts. A
   * guard that asks this one from within itself is not seen on the handler, and should not be open.
   */
  protected isPublic(context: ExecutionContext): boolean {
    const [handler, type] = [context.getHandler(), context.getClass()];
    let known = this.publicHandlers.get(handler);
    if (!known) this.publicHandlers.set(handler, (known = new Map<unknown, boolean>()));
    let isPublic = known.get(type);
    if (isPublic === undefined)
      known.set(type, (isPublic = this.isPublicByMetadata(handler, type)));
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

  /** What becomes of a request without credentials: unless this throws, it passes without a user. */
  protected handleAnonymous(context: ExecutionContext): void {
    const exception = new KnoxUnauthorizedException('not_authenticated');
    throw this.requests.refuse(this.getRequest(context), exception);
  }
}

/** What others left there is not ours to pass on as the user of this request. */
function setAuthContext(found: Authenticated | null, carrier: AuthContext): void {
  carrier.user = found?.user;
  carrier.authInfo = found?.authToken;
  carrier.authToken = found?.authToken;
}
