import { performance } from 'node:perf_hooks';
import {
  Injectable,
  NotFoundException,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import type { KnoxRequest } from '../requests/knox-request.ts';
import { leaveAuthContext } from './auth-context.ts';
import { askGuards } from './knox-login-route.guard.ts';
import { Realms } from './realms.ts';

/**
 * The guard of `KnoxController.reauthenticate`, after KnoxAuthGuard: the login guards must find the user of the token that
 * was presented. A subclass that overrides `reauthenticate` repeats the decorators:
 * `@Abilities() @UseGuards(KnoxAuthGuard, KnoxReauthenticationGuard)`.
 *
 * @throws KnoxUnauthorizedException `invalid_credentials` for those of another user
 * @publicApi
 */
@Injectable()
export class KnoxReauthenticationGuard implements CanActivate {
  readonly #realms: Realms;

  constructor(realms: Realms) {
    this.#realms = realms;
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { logins, loginGuards } = this.#realms.loginAt(context);
    const request = context.switchToHttp().getRequest<KnoxRequest & { readonly url?: string }>();
    // As NestJS answers for a route that is not there.
    if (!logins.tokens.hasFeature('authenticated')) {
      throw new NotFoundException(`Cannot POST ${request.url ?? ''}`);
    }
    const found = await logins.current(request);
    request.user = undefined;
    const since = performance.now();
    if (!(await askGuards(await loginGuards.of(request), context))) return false;
    logins.admitAgain(request, found, since, context.switchToHttp().getResponse());
    leaveAuthContext(context, request, request, found);
    return true;
  }
}
