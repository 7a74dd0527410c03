import { performance } from 'node:perf_hooks';
import { Injectable, NotFoundException, type ExecutionContext } from '@nestjs/common';
import type { KnoxRequest } from '../requests/knox-request.ts';
import { leaveAuthContext } from './auth-context.ts';
import { KnoxAuthGuard } from './knox-auth.guard.ts';
import { askGuards } from './knox-login-route.guard.ts';
import { Realms } from './realms.ts';

/**
 * The guard of `KnoxController.reauthenticate`: it asks for a token, and then the login guards must find the token's user.
 * A subclass that overrides `reauthenticate` repeats the decorators: `@Abilities() @UseGuards(KnoxReauthenticationGuard)`.
 *
 * @throws KnoxUnauthorizedException `invalid_credentials` for those of another user
 * @publicApi
 */
@Injectable()
export class KnoxReauthenticationGuard extends KnoxAuthGuard {
  readonly #realms: Realms;

  constructor(realms: Realms) {
    super();
    this.#realms = realms;
  }

  override async canActivate(context: ExecutionContext): Promise<boolean> {
    const { logins, loginGuards } = this.#realms.loginAt(context);
    const request = context.switchToHttp().getRequest<KnoxRequest>();
    // As NestJS answers for a route that is not there: before anything is asked.
    if (!logins.tokens.hasFeature('authenticated')) {
      throw new NotFoundException(`Cannot POST ${request.originalUrl ?? request.url ?? ''}`);
    }
    // Before the database is asked. Where the token came from is known after that.
    logins.chooseTransport(request, false);
    if (!(await super.canActivate(context))) return false;
    logins.chooseTransport(request, logins.requests.isFromCookie(request));
    const found = await logins.current(request);
    request.user = undefined;
    const since = performance.now();
    if (!(await askGuards(await loginGuards.of(request), context))) return false;
    logins.admitAgain(request, found, since, context.switchToHttp().getResponse());
    leaveAuthContext(context, request, request, found);
    return true;
  }
}
