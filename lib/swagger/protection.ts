import type { ApplicationConfig } from '@nestjs/core';
import { FRESH_METADATA } from '../http/access.decorators.ts';
import { classOfGuard, guardsNamedOn, isSubclass } from '../http/declared-guards.ts';
import { KnoxAuthGuard } from '../http/knox-auth.guard.ts';
import { KnoxLoginRouteGuard } from '../http/knox-login-route.guard.ts';
import { KnoxLoginGuard } from '../http/knox-login.guard.ts';
import { OptionalKnoxAuthGuard } from '../http/optional-knox-auth.guard.ts';
import { PublicRoutes } from '../http/public-routes.ts';
import type { DeclaredRoute } from './declared-routes.ts';
import type { ErrorCodes } from './error-responses.ts';

/** Whether a route needs a token, or takes one. */
export type Protection = 'required' | 'optional' | 'none';

/** What the guards of this package ask of routes: the global ones, and those that a class or a handler names. */
export class Protections {
  readonly #globalGuards: readonly unknown[];
  readonly #publicRoutes = new PublicRoutes(KnoxAuthGuard, KnoxLoginRouteGuard, KnoxLoginGuard);

  constructor(config: ApplicationConfig) {
    this.#globalGuards = [
      ...config.getGlobalGuards().map((guard) => guard.constructor),
      ...config.getGlobalRequestGuards().map(({ metatype }) => metatype),
    ];
  }

  of({ type, handler }: DeclaredRoute): Protection {
    const named = [type, handler].flatMap(guardsNamedOn).map(classOfGuard);
    const asked = [...this.#globalGuards, ...named].filter(
      (guard) =>
        isSubclass(guard, KnoxAuthGuard) && !this.#publicRoutes.isPublicTo(guard, handler, type),
    );
    if (asked.length === 0) return 'none';
    return asked.every((guard) => isSubclass(guard, OptionalKnoxAuthGuard))
      ? 'optional'
      : 'required';
  }
}

/**
 * The errors that the guards of a route may answer.
 *
 * @param isOriginChecked whether a cookie may authenticate it, and it may write
 */
export function guardErrors(
  { type, handler }: DeclaredRoute,
  protection: Protection,
  isOriginChecked: boolean,
): ErrorCodes {
  if (protection === 'none') return {};
  const isFresh = [handler, type].some((target) => Reflect.hasMetadata(FRESH_METADATA, target));
  return {
    401: [
      ...(protection === 'required' ? ['not_authenticated'] : []),
      ...['invalid_header', 'invalid_token', 'user_inactive'],
    ],
    403: [
      'insufficient_ability',
      ...(isFresh ? ['reauthentication_required'] : []),
      ...(isOriginChecked ? ['cross_origin'] : []),
    ],
    503: ['unavailable'],
  };
}
