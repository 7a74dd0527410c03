import { performance } from 'node:perf_hooks';
import { Injectable, type CanActivate, type ExecutionContext } from '@nestjs/common';
import { isObservable, lastValueFrom } from 'rxjs';
import type { KnoxRequest } from '../requests/knox-request.ts';
import type { KnoxResponse } from './execution-context.ts';
import { Realms } from './realms.ts';

/**
 * The guard of `KnoxController.login`: it asks the login guards of the realm. The route cannot name those
 * itself, because a decorator's metadata is shared by all applications of a process. A subclass that overrides
 * `login` repeats the decorators: `@Public() @UseGuards(KnoxLoginRouteGuard)`.
 *
 * @publicApi
 */
@Injectable()
export class KnoxLoginRouteGuard implements CanActivate {
  readonly #realms: Realms;

  constructor(realms: Realms) {
    this.#realms = realms;
  }

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { logins, loginGuards } = this.#realms.loginAt(context);
    const http = context.switchToHttp();
    const request = http.getRequest<KnoxRequest>();
    // RFC 6749 Section 5.1: an answer that holds a token must not be stored.
    http.getResponse<KnoxResponse>().header('Cache-Control', 'no-store');
    // Login CSRF: a page of another origin must not have a browser logged in as somebody else.
    logins.chooseTransport(request, true);
    // Before a password is hashed.
    logins.nameOf(request);
    // Only the login guards say who logs in, so drop what a middleware or an earlier guard has set.
    request.user = undefined;
    const since = performance.now();
    if (!(await askGuards(await loginGuards.of(request), context))) return false;
    logins.admit(request, since);
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
