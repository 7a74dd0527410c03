import { Inject, Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { ApplicationConfig } from '@nestjs/core';
import type { KnoxRequest } from '../requests/knox-request.ts';
import { KnoxUnauthorizedException } from '../service/knox.exceptions.ts';
import { checkAccess, clearsCookie, isNotStored } from './access.rules.ts';
import { challenged, challengeOf, setChallenge } from './challenge.ts';
import { leaveAnonymous, leaveAuthContext, leavePublic } from './auth-context.ts';
import { guardedCall, requestOf, type KnoxResponse } from './execution-context.ts';
import { KnoxLoginRouteGuard } from './knox-login-route.guard.ts';
import { KnoxLoginGuard } from './knox-login.guard.ts';
import { PublicRoutes } from './public-routes.ts';
import { realmOf, Realms, type RealmParts } from './realms.ts';

/**
 * Requires a good token, and sets `request.user`, `request.authInfo` and `request.authToken`. It works for HTTP,
 * GraphQL and WebSocket handlers. Its dependencies are properties, so that a subclass has its constructor to
 * itself.
 *
 * @throws KnoxUnauthorizedException with a WWW-Authenticate challenge
 * @throws KnoxForbiddenException likewise: `insufficient_ability`, `reauthentication_required`; and `cross_origin`, without
 * one, for a cookie that a page of another origin has sent
 * @throws KnoxUnavailableException
 * @publicApi
 */
@Injectable()
export class KnoxAuthGuard implements CanActivate {
  @Inject(Realms)
  private readonly realms: Realms | undefined;

  @Inject(ApplicationConfig)
  private readonly config!: ApplicationConfig;

  private readonly publicRoutes = new PublicRoutes(
    KnoxAuthGuard,
    KnoxLoginRouteGuard,
    KnoxLoginGuard,
  );

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { allRealms } = this;
    if (this.isPublic(context)) {
      leavePublic(context);
      return true;
    }
    const { operation, request, response } = guardedCall(context);
    if (isNotStored(context)) response?.header?.('Cache-Control', 'no-store');
    const asked = allRealms.at(context);
    let [realm] = asked;
    try {
      const source = this.getRequest(context);
      // No promise more for the usual handler, which asks one realm.
      if (asked.length > 1) realm = await realmOf(source, operation, asked);
      const found = await realm.requests.authenticate(source, operation);
      if (found) {
        if (request) realm.requests.renewCookie(source, operation, found, response);
        checkAccess(context, found.authToken);
        leaveAuthContext(context, operation, request, found);
      } else leaveAnonymous(context, operation, request, () => this.handleAnonymous(context));
      return true;
    } catch (error) {
      if (request && response && error instanceof KnoxUnauthorizedException) {
        if (clearsCookie(context)) realm.requests.cookie?.clear(request, response);
      }
      throw this.withChallenge(error, realm, response, context);
    }
  }

  /** The request whose headers hold the token. By default it is found in the execution context. */
  protected getRequest(context: ExecutionContext): KnoxRequest {
    return requestOf(context);
  }

  /**
   * Whether `@Public()` opens this handler to this guard. The decorator nearest to the handler counts, and so does a
   * guard that is named there. If a guard of another package is named on a public handler, it may ask this one: then
   * only a KnoxAuthGuard that is declared further out passes over the handler.
   */
  protected isPublic(context: ExecutionContext): boolean {
    return this.publicRoutes.isPublic(context, this, this.config);
  }

  private get allRealms(): Realms {
    if (this.realms) return this.realms;
    const { name } = this.constructor;
    throw new Error(
      `${name} was made with new, so that nothing is injected into it. Name the class: ` +
        `@UseGuards(${name}), or { provide: APP_GUARD, useClass: ${name} }.`,
    );
  }

  /** The error, once the answer has the challenge that goes with it. */
  private withChallenge(
    error: unknown,
    realm: RealmParts,
    response: Partial<KnoxResponse> | null,
    context: ExecutionContext,
  ): unknown {
    if (!response) return error;
    if (context.getType() === 'http') return challenged(error, response, realm.requests);
    const challenge = challengeOf(error, realm.requests);
    if (challenge !== undefined && this.isRefusalFinal(context)) {
      // A GraphQL answer is a 200 whether the operation is refused or not.
      setChallenge(response, challenge);
    }
    return error;
  }

  /** Whether nothing can let the operation pass any more: neither another guard that has asked this one nor a subclass. */
  private isRefusalFinal(context: ExecutionContext): boolean {
    const isOverridden = this.canActivate !== KnoxAuthGuard.prototype.canActivate;
    return !isOverridden && this.publicRoutes.isAskedByNest(context, this, this.config);
  }

  /** Called for a request without credentials. Unless this throws, the request passes without a user. */
  protected handleAnonymous(context: ExecutionContext): void {
    const { operation } = guardedCall(context);
    const request = this.getRequest(context);
    const [{ requests }] = this.allRealms.at(context);
    requests.explainAnonymous(request);
    const op = requests.operationOf(request, operation);
    throw requests.tokens.refuse(new KnoxUnauthorizedException('not_authenticated'), op);
  }
}
