import {
  Inject,
  Injectable,
  type CanActivate,
  type ExecutionContext,
  type OnModuleInit,
} from '@nestjs/common';
import { isObservable, lastValueFrom } from 'rxjs';
import { KnoxUnauthorizedException } from '../service/knox.exceptions.ts';
import type { KnoxRequest } from '../requests/knox-request.ts';
import type { KnoxResponse } from './execution-context.ts';
import { KnoxLoginGuard, missingVerifyCredentials } from './knox-login.guard.ts';
import { RequestAuthenticator } from './request-authenticator.ts';

/** Injects the guards that `loginGuards` names. */
export const LOGIN_GUARDS = Symbol('LOGIN_GUARDS');

/**
 * Stands before `KnoxController.login` and asks the application's login guards. The route cannot
 * name them itself: they differ from application to application, and a decorator's metadata is the
 * process's. A subclass that overrides `login` repeats it: `@Public() @UseGuards(KnoxLoginRouteGuard)`.
 *
 * @publicApi
 */
@Injectable()
export class KnoxLoginRouteGuard implements CanActivate, OnModuleInit {
  readonly #guards: readonly CanActivate[];
  readonly #requests: RequestAuthenticator;

  constructor(
    @Inject(LOGIN_GUARDS) guards: readonly CanActivate[],
    requests: RequestAuthenticator,
  ) {
    this.#guards = guards;
    this.#requests = requests;
  }

  /** @throws KnoxConfigError if the built-in login has nobody to ask */
  onModuleInit(): void {
    const asksHook = this.#guards.some((guard) => guard instanceof KnoxLoginGuard);
    if (!asksHook || this.#requests.settings.verifyCredentials) return;
    throw missingVerifyCredentials();
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const http = context.switchToHttp();
    const request = http.getRequest<KnoxRequest>();
    // RFC 6749 Section 5.1: an answer that holds a token is not to be stored.
    http.getResponse<KnoxResponse>().header('Cache-Control', 'no-store');
    // Only the login guards may say who logs in, and no middleware or guard before them.
    request.user = undefined;
    for (const guard of this.#guards) {
      const verdict = guard.canActivate(context);
      const passed = isObservable(verdict) ? await lastValueFrom(verdict) : await verdict;
      if (!passed) return false;
    }
    const { user } = request;
    const isUser = typeof user === 'object' && user !== null;
    // A token may not mint tokens: a stolen one could then outlive its logout.
    if (isUser && !this.#requests.isTokenUser(user)) {
      this.#requests.admit(request, user);
      return true;
    }
    throw this.#requests.refuse(request, new KnoxUnauthorizedException('not_authenticated'));
  }
}
