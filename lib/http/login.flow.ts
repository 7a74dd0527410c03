import { Inject, Injectable } from '@nestjs/common';
import { EventPublisher } from '../events/event.publisher.ts';
import { UserLoggedInEvent, UserLoggedOutEvent } from '../events/knox.events.ts';
import type { KnoxSettings } from '../options/runtime-options.ts';
import { KnoxUnauthorizedException } from '../service/knox.exceptions.ts';
import { KNOX_SETTINGS } from '../service/knox.settings.ts';
import type { Authenticated } from '../service/token.authenticator.ts';
import { TokenIssuer, type CreateTokenOptions, type IssuedToken } from '../service/token.issuer.ts';
import { TokenRevoker } from '../service/token.revoker.ts';
import type { AbstractAuthToken } from '../entities/abstract-auth-token.entity.ts';
import type { KnoxRequest } from '../requests/knox-request.ts';
import { setChallenge } from './challenge.ts';
import { clientOf } from '../requests/client-info.ts';
import type { KnoxResponse } from './execution-context.ts';
import { loginChallenge } from './knox-login.guard.ts';
import { RequestAuthenticator } from './request-authenticator.ts';

/** What the controller's three routes do, apart from what an application may override. */
@Injectable()
export class LoginFlow<Token extends AbstractAuthToken = AbstractAuthToken> {
  readonly settings: KnoxSettings;
  readonly #requests: RequestAuthenticator;
  readonly #issuer: TokenIssuer<Token>;
  readonly #revoker: TokenRevoker<Token>;
  readonly #events: EventPublisher;

  constructor(
    @Inject(KNOX_SETTINGS) settings: KnoxSettings,
    requests: RequestAuthenticator,
    @Inject(TokenIssuer) issuer: TokenIssuer<Token>,
    @Inject(TokenRevoker) revoker: TokenRevoker<Token>,
    events: EventPublisher,
  ) {
    this.settings = settings;
    this.#requests = requests;
    this.#issuer = issuer;
    this.#revoker = revoker;
    this.#events = events;
  }

  /**
   * Whom the login guards have found, from where nobody else can have put it.
   *
   * @throws Error if they were not asked
   */
  userOf(request: KnoxRequest): Token['user'] {
    const user = this.#requests.admitted(request);
    if (user) return user;
    throw new Error(
      'KnoxController.login was called without its guards. Override createToken or ' +
        'getLoginResponse instead of login, or repeat @Public() @UseGuards(KnoxLoginRouteGuard) on it.',
    );
  }

  issue(
    request: KnoxRequest,
    user: Token['user'],
    options: CreateTokenOptions<Token>,
  ): Promise<IssuedToken<Token>> {
    const deadline = this.#requests.deadlineOf(request);
    return this.#issuer.issue(user, options, deadline, clientOf(request));
  }

  /** An inactive user is answered as one with a wrong password is: the login tells nobody apart. */
  toLoginError(request: KnoxRequest, response: KnoxResponse, error: unknown): unknown {
    const inactive = error instanceof KnoxUnauthorizedException && error.code === 'user_inactive';
    if (!inactive) return error;
    const { authHeaderPrefix } = this.settings;
    setChallenge(response, loginChallenge(request, authHeaderPrefix));
    return this.#requests.refuse(request, new KnoxUnauthorizedException('invalid_credentials'));
  }

  complete(request: KnoxRequest, user: Token['user'], authToken: Token): void {
    const client = clientOf(request);
    this.#events.publish(UserLoggedInEvent, user, authToken, client);
    this.#revoker.scheduleCleanup(authToken.user, client);
  }

  /** Takes back a token whose login could not be answered. */
  cancel(request: KnoxRequest, authToken: Token): Promise<void> {
    return this.#revoker.discard(authToken, clientOf(request));
  }

  async logout(request: KnoxRequest): Promise<Authenticated<Token>> {
    const found = await this.#current(request);
    await this.#revoker.revoke(
      found.authToken,
      this.#requests.deadlineOf(request),
      clientOf(request),
    );
    return this.#loggedOut(request, found);
  }

  async logoutAll(request: KnoxRequest): Promise<Authenticated<Token>> {
    const found = await this.#current(request);
    const deadline = this.#requests.deadlineOf(request);
    await this.#revoker.revokeAll(found.user, undefined, deadline, clientOf(request));
    return this.#loggedOut(request, found);
  }

  #loggedOut(request: KnoxRequest, found: Authenticated<Token>): Authenticated<Token> {
    this.#events.publish(UserLoggedOutEvent, found.user, found.authToken, clientOf(request));
    return found;
  }

  /** What the guard found, from where nobody else can have put it. */
  async #current(request: KnoxRequest): Promise<Authenticated<Token>> {
    const found = await this.#requests.authenticate(request);
    if (found) return found as Authenticated<Token>;
    throw this.#requests.refuse(request, new KnoxUnauthorizedException('not_authenticated'));
  }
}
