import { Injectable, type Type } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { Strategy } from 'passport-custom';
import { DEFAULT_REALM } from '../options/realm-name.ts';
import { isHttpRequest, type KnoxRequest } from '../requests/knox-request.ts';
import type { Authenticated } from '../service/token.authenticator.ts';
import { leavePassportContext } from './auth-context.ts';
import { Realms } from './realms.ts';
import { RequestAuthenticator } from './request-authenticator.ts';

/**
 * The strategy for Passport, named `knox`, so that `AuthGuard(['knox', 'jwt'])` works. Passport keeps one registry
 * per process: if there are several applications, the one that started last answers for all. Other realms than `api`
 * have strategies of their own, such as `knox-staff`.
 *
 * @publicApi
 */
@Injectable()
export class KnoxStrategy extends PassportStrategy(Strategy, 'knox') {
  readonly #requests: RequestAuthenticator;
  readonly #realms: Realms;

  constructor(requests: RequestAuthenticator, realms: Realms) {
    super();
    this.#requests = requests;
    this.#realms = realms;
  }

  validate(request: KnoxRequest): Promise<PassportResult> {
    return authenticateByPassport(request, this.#requests, this.#realms);
  }
}

/** The class of the strategy of this realm. */
export function strategyOf(realm: string): Type<object> {
  if (realm === DEFAULT_REALM) return KnoxStrategy;

  @Injectable()
  class KnoxRealmStrategy extends PassportStrategy(Strategy, `knox-${realm}`) {
    readonly #requests: RequestAuthenticator;
    readonly #realms: Realms;

    constructor(requests: RequestAuthenticator, realms: Realms) {
      super();
      this.#requests = requests;
      this.#realms = realms;
    }

    validate(request: KnoxRequest): Promise<PassportResult> {
      return authenticateByPassport(request, this.#requests, this.#realms);
    }
  }
  return KnoxRealmStrategy;
}

/** The user and its token, which Passport sets as `request.user` and `request.authInfo`; or false: not ours. */
type PassportResult = [Authenticated['user'], Authenticated['authToken']] | false;

/**
 * False lets the next strategy try: the header has another scheme, its value has a dot, which is a JWT under the same
 * scheme, or it is a token of another realm. A bad token is an error and ends the chain.
 */
async function authenticateByPassport(
  request: KnoxRequest,
  requests: RequestAuthenticator,
  realms: Realms,
): Promise<PassportResult> {
  // Passport tells a strategy the request alone. That of a socket is the same for all its messages, so each is new.
  const isOperation = isHttpRequest(request);
  const operation = isOperation ? request : {};
  const token = await requests.extractToken(request, operation);
  if (token === null || token.includes('.') || realms.isOfAnother(token, requests.realm)) {
    return false;
  }
  const found = await requests.authenticate(request, operation);
  if (!found) return false;
  if (isOperation) leavePassportContext(requests.realm, request, found);
  else keepOff(request, found);
  return [found.user, found.authToken];
}

/** The users and tokens that a socket's request must not keep. */
const passing = new WeakSet<object>();

/**
 * Keeps Passport from leaving the user and token on the request that opened a socket: its later messages, and handlers
 * without a guard, would find them there after the token was revoked.
 */
function keepOff(request: KnoxRequest, { user, authToken }: Authenticated): void {
  const isKept = passing.has(request);
  for (const object of [request, user, authToken]) passing.add(object);
  if (isKept || !Object.isExtensible(request)) return;
  for (const name of ['user', 'authInfo'] as const) {
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
}
