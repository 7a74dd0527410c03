import { HttpStatus, Inject, Injectable } from '@nestjs/common';
import type { AbstractAuthToken } from '../entities/abstract-auth-token.entity.ts';
import { EventPublisher } from '../events/event.publisher.ts';
import { UserLoggedInEvent } from '../events/knox.events.ts';
import type { KnoxSettings } from '../options/runtime-options.ts';
import type { KnoxRequest } from '../requests/knox-request.ts';
import { parseTransport, TOKEN_TRANSPORTS } from '../requests/login-transport.ts';
import { privateSlot } from '../requests/private-slot.ts';
import { KnoxBadRequestException, KnoxUnauthorizedException } from '../service/knox.exceptions.ts';
import { givenName, problemWithName } from '../requests/session-name.ts';
import type { Authenticated } from '../service/token.authenticator.ts';
import type { IssuedToken } from '../service/token.issuer.ts';
import { TokenManager } from '../service/token.manager.ts';
import { challenged, setChallengeOfStatus } from './challenge.ts';
import type { KnoxResponse } from './execution-context.ts';
import { loginChallenge } from './knox-login.guard.ts';
import { Realms } from './realms.ts';
import { RequestAuthenticator } from './request-authenticator.ts';

/** The steps of a login, and what the controller's routes have in common, that no application may override. */
@Injectable()
export class LoginFlow<Token extends AbstractAuthToken = AbstractAuthToken> {
  readonly requests: RequestAuthenticator;
  readonly tokens: TokenManager<Token>;
  readonly #realms: Realms;
  readonly #events: EventPublisher;
  readonly #users = privateSlot<Token['user']>();
  readonly #inCookies = privateSlot<boolean>();

  constructor(
    requests: RequestAuthenticator,
    @Inject(TokenManager) tokens: TokenManager<Token>,
    realms: Realms,
    events: EventPublisher,
  ) {
    this.requests = requests;
    this.tokens = tokens;
    this.#realms = realms;
    this.#events = events;
  }

  get settings(): KnoxSettings {
    return this.requests.settings;
  }

  /**
   * Takes the user that the login guards have left on the request, and remembers it where nobody else can write.
   *
   * @param since when they were asked, on the clock of `performance.now()`
   * @throws KnoxUnauthorizedException `not_authenticated`
   */
  admit(request: KnoxRequest, since: number): void {
    this.#users.set(request, this.#provenUser(request, since));
  }

  /**
   * Compares the user that the login guards have left on the request with the one whose token was presented.
   *
   * @param since as for `admit`
   * @throws KnoxUnauthorizedException `not_authenticated`, `invalid_credentials`
   */
  admitAgain(
    request: KnoxRequest,
    { user }: Authenticated<Token>,
    since: number,
    response: KnoxResponse,
  ): void {
    if (this.tokens.isSameUser(this.#provenUser(request, since), user)) return;
    throw this.#invalidCredentials(request, response);
  }

  /**
   * Remembers whether the answer gives the token in the cookie: as `?transport=` says, or else by default.
   *
   * @throws KnoxBadRequestException for another transport, or for `cookie` if that option is off
   * @throws KnoxForbiddenException `cross_origin`, if a page of another origin would have the cookie set
   */
  chooseTransport(request: KnoxRequest, isCookieByDefault: boolean): void {
    const { cookie } = this.requests;
    const transport = parseTransport(request);
    if (transport === undefined || (transport === 'cookie' && !cookie)) {
      const known = cookie ? TOKEN_TRANSPORTS : TOKEN_TRANSPORTS.filter((one) => one !== 'cookie');
      throw new KnoxBadRequestException(`"transport" must be ${known.join(' or ')}.`);
    }
    const inCookie =
      cookie !== null && (transport ?? (isCookieByDefault ? 'cookie' : 'header')) === 'cookie';
    if (inCookie) cookie.checkOrigin(request);
    this.#inCookies.set(request, inCookie);
  }

  /** Whether the answer gives the token in the cookie, and not in its body. */
  answersInCookie(request: KnoxRequest): boolean {
    return this.#inCookies.get(request) === true;
  }

  /** Sets the cookie, if the answer gives the token there. */
  setCookie(
    request: KnoxRequest,
    response: KnoxResponse,
    { token, authToken }: IssuedToken<Token>,
  ): void {
    if (this.answersInCookie(request))
      this.requests.cookie?.issue(response, token, authToken.expiry);
  }

  /** Has the browser forget the cookie, if there may be one. */
  clearCookie(request: KnoxRequest, response: KnoxResponse): void {
    this.requests.cookie?.clear(request, response);
  }

  /**
   * The name that the body of a login gives the session; null for none, if the token entity has no column for it, and if
   * the field holds a credential.
   *
   * @throws KnoxBadRequestException
   */
  nameOf({ body }: KnoxRequest): string | null {
    const { usernameField, passwordField } = this.settings;
    // A password must not be stored, and a username is no name of a device.
    const isCredential = usernameField === 'name' || passwordField === 'name';
    const isNamed = this.tokens.hasFeature('name') && !isCredential;
    const name = isNamed ? givenName(body) : undefined;
    if (name === undefined) return null;
    const problem = problemWithName(name);
    if (problem !== null) throw new KnoxBadRequestException(`"name" ${problem}.`);
    return name as string;
  }

  /** A token proves no password: a stolen one could then make tokens, and outlive its logout. */
  #provenUser(request: KnoxRequest, since: number): object {
    const { user } = request;
    const isUser = typeof user === 'object' && user !== null;
    if (isUser && !this.#cameFromToken(user, request, since)) return user;
    throw this.#notAuthenticated(request);
  }

  #invalidCredentials(request: KnoxRequest, response: KnoxResponse): KnoxUnauthorizedException {
    const challenge = loginChallenge(request, this.requests);
    setChallengeOfStatus(response, HttpStatus.UNAUTHORIZED, challenge);
    const exception = new KnoxUnauthorizedException('invalid_credentials');
    return this.tokens.refuse(exception, this.requests.operationOf(request));
  }

  /** Whether a token of any realm has brought this user: two realms may have the same kind of users. */
  #cameFromToken(user: object, request: KnoxRequest, since: number): boolean {
    return this.#realms.all.some(({ requests }) =>
      requests.tokens.cameFromToken(user, requests.operationOf(request), since),
    );
  }

  /**
   * The user that was admitted.
   *
   * @throws Error if the login guards were not asked
   */
  userOf(request: KnoxRequest): Token['user'] {
    const user = this.#users.get(request);
    if (user) return user;
    throw new Error(
      'KnoxController.login was called without its guards. Override createToken or ' +
        'getLoginResponse instead of login, or repeat @Public() @UseGuards(KnoxLoginRouteGuard) on it.',
    );
  }

  /**
   * What to throw if no token could be made. An inactive user is answered as a wrong password is, so that the login
   * does not tell which users exist.
   */
  toLoginError(request: KnoxRequest, response: KnoxResponse, error: unknown): unknown {
    const isInactive = error instanceof KnoxUnauthorizedException && error.code === 'user_inactive';
    return isInactive ? this.#invalidCredentials(request, response) : error;
  }

  /** The outcome of work on the token that the guard has found. If it is gone by now, the 401 has the guard's challenge. */
  async withChallenge<R>(response: KnoxResponse, work: Promise<R>): Promise<R> {
    try {
      return await work;
    } catch (error) {
      throw challenged(error, response, this.requests);
    }
  }

  /** The answer is ready: sends the event, and schedules the deletion of the user's expired tokens. */
  complete(request: KnoxRequest, user: Token['user'], authToken: Token): void {
    const op = this.requests.operationOf(request);
    this.#events.publish(UserLoggedInEvent, op, user, authToken);
    this.tokens.scheduleCleanup(authToken.user, op);
  }

  /** There is no answer: nobody gets the token, so it is deleted. */
  cancel(request: KnoxRequest, authToken: Token): Promise<void> {
    return this.tokens.discard(authToken, this.requests.operationOf(request));
  }

  /**
   * The user and token that the guard of a logout has found.
   *
   * @throws KnoxUnauthorizedException, KnoxUnavailableException
   */
  async current(request: KnoxRequest): Promise<Authenticated<Token>> {
    const found = await this.requests.authenticate(request);
    if (found) return found as Authenticated<Token>;
    throw this.#notAuthenticated(request);
  }

  #notAuthenticated(request: KnoxRequest): KnoxUnauthorizedException {
    const exception = new KnoxUnauthorizedException('not_authenticated');
    return this.tokens.refuse(exception, this.requests.operationOf(request));
  }
}
