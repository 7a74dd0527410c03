import { performance } from 'node:perf_hooks';
import {
  Inject,
  Injectable,
  type CanActivate,
  type ExecutionContext,
  type OnModuleInit,
} from '@nestjs/common';
import { isObservable, lastValueFrom } from 'rxjs';
import type { KnoxRequest } from '../requests/knox-request.ts';
import type { KnoxResponse } from './execution-context.ts';
import { KnoxLoginGuard, missingVerifyCredentials } from './knox-login.guard.ts';
import { LoginFlow } from './login.flow.ts';

/** Injects the guards that `loginGuards` names. */
export const LOGIN_GUARDS = Symbol('LOGIN_GUARDS');

/**
 * The guard of `KnoxController.login`: it asks the application's login guards. The route cannot name those
 * itself, because a decorator's metadata is shared by all applications of a process. A subclass that overrides
 * `login` repeats the decorators: `@Public() @UseGuards(KnoxLoginRouteGuard)`.
 *
 * @publicApi
 */
@Injectable()
export class KnoxLoginRouteGuard implements CanActivate, OnModuleInit {
  readonly #guards: readonly CanActivate[];
  readonly #flow: LoginFlow;

  constructor(@Inject(LOGIN_GUARDS) guards: readonly CanActivate[], flow: LoginFlow) {
    this.#guards = guards;
    this.#flow = flow;
  }

  /** @throws KnoxConfigError if the built-in login has no `verifyCredentials` to ask */
  onModuleInit(): void {
    const asksHook = this.#guards.some((guard) => guard instanceof KnoxLoginGuard);
    if (!asksHook || this.#flow.settings.verifyCredentials) return;
    throw missingVerifyCredentials();
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const http = context.switchToHttp();
    const request = http.getRequest<KnoxRequest>();
    // RFC 6749 Section 5.1: an answer that holds a token must not be stored.
    http.getResponse<KnoxResponse>().header('Cache-Control', 'no-store');
    // Before a password is hashed.
    this.#flow.nameOf(request);
    // Only the login guards say who logs in, so drop what a middleware or an earlier guard has set.
    request.user = undefined;
    const since = performance.now();
    if (!(await askGuards(this.#guards, context))) return false;
    this.#flow.admit(request, since);
    return true;
  }
}

/** Whether all guards let the request pass, asked one after the other. */
export async function askGuards(
  guards: readonly CanActivate[],
  context: ExecutionContext,
): Promise<boolean> {
  for (const guard of guards) {
    const verdict = guard.canActivate(context);
    const passed = isObservable(verdict) ? await lastValueFrom(verdict) : await verdict;
    if (!passed) return false;
  }
  return true;
}
