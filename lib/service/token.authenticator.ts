import { Inject, Injectable } from '@nestjs/common';
import { EventPublisher } from '../events/event.publisher.ts';
import { TokenRefreshedEvent } from '../events/knox.events.ts';
import type { ClientInfo } from '../requests/client-info.ts';
import type { KnoxSettings } from '../options/runtime-options.ts';
import type { AbstractAuthToken } from '../entities/abstract-auth-token.entity.ts';
import type { Deadline } from '../async/deadline.ts';
import { TokenStore } from '../store/token.store.ts';
import { isExpired, nextExpiry } from '../tokens/expiry.ts';
import { privateSlot } from '../requests/private-slot.ts';
import { digestOf, isWellFormedToken } from '../tokens/token.ts';
import { toHttpError, logFault } from './error-boundary.ts';
import { KnoxUnauthorizedException, type UnauthorizedCode } from './knox.exceptions.ts';
import { KNOX_SETTINGS } from './knox.settings.ts';
import { refuse } from './refuse.ts';
import { TokenRevoker } from './token.revoker.ts';
import { UserStatus } from './user-status.ts';

/** A token that was proven, and whom it belongs to. */
export interface Authenticated<Token extends AbstractAuthToken = AbstractAuthToken> {
  readonly user: Token['user'];
  readonly authToken: Token;
}

/** From a raw token to a verdict: the one place that decides, whichever door asks. */
@Injectable()
export class TokenAuthenticator<Token extends AbstractAuthToken = AbstractAuthToken> {
  readonly #settings: KnoxSettings;
  readonly #store: TokenStore<Token>;
  readonly #activity: UserStatus;
  readonly #revoker: TokenRevoker<Token>;
  readonly #events: EventPublisher;
  readonly #tokenUsers = privateSlot<true>();

  constructor(
    @Inject(KNOX_SETTINGS) settings: KnoxSettings,
    @Inject(TokenStore) store: TokenStore<Token>,
    activity: UserStatus,
    @Inject(TokenRevoker) revoker: TokenRevoker<Token>,
    events: EventPublisher,
  ) {
    this.#settings = settings;
    this.#store = store;
    this.#activity = activity;
    this.#revoker = revoker;
    this.#events = events;
  }

  /**
   * Asks the database for the token, each time.
   *
   * @throws KnoxUnauthorizedException `invalid_token`, `user_inactive`
   * @throws KnoxUnavailableException if the database or `isUserActive` gave no answer in time
   * @see knox/auth.py, authenticate_credentials
   */
  async authenticate(
    token: string,
    deadline: Deadline,
    client: ClientInfo | null,
  ): Promise<Authenticated<Token>> {
    try {
      if (!isWellFormedToken(token)) throw this.#refusal('invalid_token', client);
      const digest = digestOf(token, this.#settings.hashAlgorithm);
      const authToken = await this.#find(digest, deadline);
      // Compared again: a database may compare text without regard to case or trailing space.
      if (authToken?.digest !== digest) throw this.#refusal('invalid_token', client);
      const now = Date.now();
      if (isExpired(authToken.expiry, now)) {
        await this.#revoker.deleteExpiredOf(authToken, deadline, client);
        throw this.#refusal('invalid_token', client, authToken);
      }
      const user = authToken.user as Token['user'] | null;
      if (user === null) throw this.#refusal('user_inactive', client, authToken);
      const isActive = this.#activity.isActive(user);
      if (isActive !== true && !(isActive && (await deadline.race(isActive)))) {
        throw this.#refusal('user_inactive', client, authToken);
      }
      const expiry = nextExpiry(authToken, now, this.#settings);
      if (expiry) await this.#refresh(authToken, expiry, deadline, client);
      this.#tokenUsers.set(user, true);
      return { user, authToken };
    } catch (error) {
      throw toHttpError(error);
    }
  }

  /** Whether this very object came from a token, rather than from other credentials. */
  cameFromToken(user: object): boolean {
    return this.#tokenUsers.get(user) === true;
  }

  /**
   * The token; where tokens are refreshed, asked for again if it ran out while its row was on the way:
   * another request may have refreshed it meanwhile.
   */
  #find(digest: string, deadline: Deadline): Promise<Token | null> {
    const found = this.#store.find(digest, deadline);
    if (!this.#settings.autoRefresh) return found;
    const askedAt = Date.now();
    return found.then((authToken) => {
      const expiry = authToken?.expiry ?? null;
      const ranOut = isExpired(expiry, Date.now()) && !isExpired(expiry, askedAt);
      return ranOut ? this.#find(digest, deadline) : authToken;
    });
  }

  #refusal(
    code: UnauthorizedCode,
    client: ClientInfo | null,
    authToken: AbstractAuthToken | null = null,
  ): KnoxUnauthorizedException {
    return refuse(this.#events, new KnoxUnauthorizedException(code), client, authToken);
  }

  /** A refresh that cannot be written fails nobody: the token is good. */
  async #refresh(
    authToken: Token,
    expiry: Date,
    deadline: Deadline,
    client: ClientInfo | null,
  ): Promise<void> {
    const { minRefreshInterval } = this.#settings;
    try {
      const written = await this.#store.refresh(
        authToken,
        expiry.getTime(),
        minRefreshInterval,
        deadline,
      );
      if (!written) return;
      authToken.expiry = expiry;
      this.#events.publish(TokenRefreshedEvent, authToken.user, authToken, client);
    } catch (error) {
      logFault('A token could not be refreshed', error);
    }
  }
}
