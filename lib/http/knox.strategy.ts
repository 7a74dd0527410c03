import { Injectable } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { Strategy } from 'passport-custom';
import { isHttpRequest, type KnoxRequest } from '../requests/knox-request.ts';
import { KnoxForbiddenException } from '../service/knox.exceptions.ts';
import { abilitiesOf } from '../service/token.access.ts';
import type { Authenticated } from '../service/token.authenticator.ts';
import { leaveAuthContext } from './auth-context.ts';
import { RequestAuthenticator } from './request-authenticator.ts';

/** Typed here, so that our declarations name neither passport-custom nor the types of Express and Passport that it needs. */
const CustomStrategy: new () => {
  name: string;
  authenticate(request: object, options?: object): void;
} = PassportStrategy(Strategy, 'knox');

/**
 * The strategy for Passport, named `knox`, so that `AuthGuard(['knox', 'jwt'])` works. Passport keeps one registry
 * per process: if there are several applications, the one that started last answers for all.
 *
 * @publicApi
 */
@Injectable()
export class KnoxStrategy extends CustomStrategy {
  readonly #requests: RequestAuthenticator;

  constructor(requests: RequestAuthenticator) {
    super();
    this.#requests = requests;
  }

  /**
   * The user and its token, which Passport sets as `request.user` and `request.authInfo`. False lets the next
   * strategy try: the header has another scheme, or its value has a dot, which is a JWT under the same scheme. A
   * bad token is an error and ends the chain.
   */
  async validate(
    request: KnoxRequest,
  ): Promise<[Authenticated['user'], Authenticated['authToken']] | false> {
    // Passport tells a strategy the request alone. That of a socket is the same for all its messages, so each is new.
    const isOperation = isHttpRequest(request);
    const operation = isOperation ? request : {};
    const token = await this.#requests.extractToken(request, operation);
    if (token === null || token.includes('.')) return false;
    const found = await this.#requests.authenticate(request, operation);
    if (!found) return false;
    // Passport does not say which handler asks, so that no decorator can let a restricted token pass.
    if (abilitiesOf(found.authToken) !== null) throw KnoxForbiddenException.insufficientAbility();
    if (isOperation) leaveAuthContext(operation, request, found);
    else keepOff(request, found);
    return [found.user, found.authToken];
  }
}

/** The users and tokens that a socket's request must not keep. */
const passing = new WeakSet<object>();

/**
 * Keeps Passport from leaving the user and token on the request that opened a socket: its later messages, and handlers
 * without a guard, would find them there after the token was revoked. Passport sets `authInfo`, and the user under the
 * name that the application has chosen (`property`), which a strategy is not told.
 */
function keepOff(request: KnoxRequest, { user, authToken }: Authenticated): void {
  const isKept = passing.has(request);
  for (const object of [request, user, authToken]) passing.add(object);
  if (isKept || !Object.isExtensible(request)) return;
  for (const name of ['user', 'authInfo'] as const) keepOffProperty(request, name);
  // An assignment to a property that the request does not have itself asks its prototypes for a setter.
  const prototype = Object.create(Object.getPrototypeOf(request) as object) as object;
  Object.setPrototypeOf(request, new Proxy(prototype, { set: setUnlessPassing }));
}

function keepOffProperty(request: KnoxRequest, name: 'user' | 'authInfo'): void {
  let value = request[name];
  Object.defineProperty(request, name, {
    configurable: true,
    enumerable: true,
    get: () => value,
    set: (given: unknown) => {
      if (!passing.has(given as object)) value = given;
    },
  });
}

function setUnlessPassing(
  ...[prototype, name, value, request]: Parameters<typeof Reflect.set>
): boolean {
  return passing.has(value as object) || Reflect.set(prototype, name, value, request);
}
