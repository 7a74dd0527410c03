import {
  Inject,
  Injectable,
  type CanActivate,
  type ExecutionContext,
  type HttpException,
} from '@nestjs/common';
import { ApplicationConfig } from '@nestjs/core';
import type { KnoxRequest } from '../requests/knox-request.ts';
import { KnoxForbiddenException, KnoxUnauthorizedException } from '../service/knox.exceptions.ts';
import { checkAccess, isNotStored } from './access.rules.ts';
import {
  forbiddenChallenge,
  setChallenge,
  setChallengeOfStatus,
  tokenChallenge,
} from './challenge.ts';
import { leaveAnonymous, leaveAuthContext, leavePublic } from './auth-context.ts';
import { guardedCall, requestOf, type KnoxResponse } from './execution-context.ts';
import { KnoxLoginRouteGuard } from './knox-login-route.guard.ts';
import { KnoxLoginGuard } from './knox-login.guard.ts';
import { PublicRoutes } from './public-routes.ts';
import { RequestAuthenticator } from './request-authenticator.ts';

/**
 * Requires a good token, and sets `request.user`, `request.authInfo` and `request.authToken`. It works for HTTP,
 * GraphQL and WebSocket handlers. Its dependencies are properties, so that a subclass has its constructor to
 * itself.
 *
 * @throws KnoxUnauthorizedException with a WWW-Authenticate challenge
 * @throws KnoxForbiddenException likewise: `insufficient_ability`, `reauthentication_required`
 * @throws KnoxUnavailableException
 * @publicApi
 */
@Injectable()
export class KnoxAuthGuard implements CanActivate {
  @Inject(RequestAuthenticator)
  private readonly requests: RequestAuthenticator | undefined;

  @Inject(ApplicationConfig)
  private readonly config!: ApplicationConfig;

  private readonly publicRoutes = new PublicRoutes(
    KnoxAuthGuard,
    KnoxLoginRouteGuard,
    KnoxLoginGuard,
  );

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { authenticator } = this;
    if (this.isPublic(context)) {
      leavePublic(context);
      return true;
    }
    const { operation, request, response } = guardedCall(context);
    if (isNotStored(context)) response?.header?.('Cache-Control', 'no-store');
    try {
      const found = await authenticator.authenticate(this.getRequest(context), operation);
      if (found) {
        checkAccess(context, found.authToken);
        leaveAuthContext(operation, request, found);
      } else leaveAnonymous(operation, request, () => this.handleAnonymous(context));
      return true;
    } catch (error) {
      throw this.withChallenge(error, response, context);
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

  private get authenticator(): RequestAuthenticator {
    if (this.requests) return this.requests;
    const { name } = this.constructor;
    throw new Error(
      `${name} was made with new, so that nothing is injected into it. Name the class: ` +
        `@UseGuards(${name}), or { provide: APP_GUARD, useClass: ${name} }.`,
    );
  }

  private withChallenge(
    error: unknown,
    response: Partial<KnoxResponse> | null,
    context: ExecutionContext,
  ): unknown {
    const challenge = response ? this.challengeOf(error) : undefined;
    if (challenge === undefined || !response) return error;
    if (context.getType() === 'http') {
      setChallengeOfStatus(response, (error as HttpException).getStatus(), challenge);
    } else if (this.isRefusalFinal(context)) {
      // A GraphQL answer is a 200 whether the operation is refused or not.
      setChallenge(response, challenge);
    }
    return error;
  }

  private challengeOf(error: unknown): string | undefined {
    const { authHeaderPrefix } = this.authenticator.settings;
    if (error instanceof KnoxUnauthorizedException) {
      return tokenChallenge(authHeaderPrefix, error.tokenGiven);
    }
    return error instanceof KnoxForbiddenException
      ? forbiddenChallenge(authHeaderPrefix, error.challenge)
      : undefined;
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
    this.authenticator.explainAnonymous(request);
    const op = this.authenticator.operationOf(request, operation);
    throw this.authenticator.tokens.refuse(new KnoxUnauthorizedException('not_authenticated'), op);
  }
}
