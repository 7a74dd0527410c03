import { Injectable, type Type } from '@nestjs/common';
import { PassportStrategy } from '@nestjs/passport';
import { Strategy } from 'passport-custom';
import { DEFAULT_REALM } from '../options/realm-name.ts';
import { isHttpRequest, type KnoxRequest } from '../requests/knox-request.ts';
import { KnoxForbiddenException } from '../service/knox.exceptions.ts';
import { abilitiesOf } from '../service/token.access.ts';
import type { Authenticated } from '../service/token.authenticator.ts';
import { leavePassportContext } from './auth-context.ts';
import { Realms } from './realms.ts';
import { RequestAuthenticator } from './request-authenticator.ts';
import { responseOf } from './response-of.ts';

/** Typed here, so that our declarations name neither passport-custom nor the types of Express and Passport that it needs. */
const CustomStrategy: new () => {
  name: string;
  authenticate(request: object, options?: object): void;
} = PassportStrategy(Strategy, 'knox');

/**
 * The strategy for Passport, named `knox`, so that `AuthGuard(['knox', 'jwt'])` works. Passport keeps one registry
 * per process: if there are several applications, the one that started last answers for all. Other realms than `api`
 * have strategies of their own, such as `knox-staff`.
 *
 * @publicApi
 */
@Injectable()
export class KnoxStrategy extends CustomStrategy {
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
  if (token === null) return false;
  // A cookie of ours is meant for nobody else.
  const isOurs = requests.isFromCookie(request, operation);
  if (!isOurs && (token.includes('.') || realms.isOfAnother(token, requests.realm))) return false;
  const found = await requests.authenticate(request, operation);
  if (!found) return false;
  if (isOperation) requests.renewCookie(request, operation, found, responseOf(request));
  // Passport does not say which handler asks, so that no decorator can let a restricted token pass.
  if (abilitiesOf(found.authToken) !== null) throw KnoxForbiddenException.insufficientAbility();
  if (isOperation) leavePassportContext(requests.realm, request, found);
  else keepOff(request, found);
  return [found.user, found.authToken];
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
