import { performance } from 'node:perf_hooks';
import {
  Inject,
  Injectable,
  NotFoundException,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import type { KnoxRequest } from '../requests/knox-request.ts';
import { leaveAuthContext } from './auth-context.ts';
import { askGuards, LOGIN_GUARDS } from './knox-login-route.guard.ts';
import { LoginFlow } from './login.flow.ts';

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
  readonly #guards: readonly CanActivate[];
  readonly #flow: LoginFlow;

  constructor(@Inject(LOGIN_GUARDS) guards: readonly CanActivate[], flow: LoginFlow) {
    this.#guards = guards;
    this.#flow = flow;
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<KnoxRequest & { readonly url?: string }>();
    // As NestJS answers for a route that is not there.
    if (!this.#flow.tokens.hasFeature('authenticated')) {
      throw new NotFoundException(`Cannot POST ${request.url ?? ''}`);
    }
    const found = await this.#flow.current(request);
    request.user = undefined;
    const since = performance.now();
    if (!(await askGuards(this.#guards, context))) return false;
    this.#flow.admitAgain(request, found, since, context.switchToHttp().getResponse());
    leaveAuthContext(request, request, found);
    return true;
  }
}
