import type { QueryRunner } from 'typeorm';
import type { Operation } from '../async/operation.ts';
import type { AbstractAuthToken } from '../entities/abstract-auth-token.entity.ts';
import type { EventPublisher } from '../events/event.publisher.ts';
import { TokenCreatedEvent } from '../events/knox.events.ts';
import { givenOptions } from '../options/given-options.ts';
import type { KnoxSettings } from '../options/runtime-options.ts';
import type { OwnerKey, TokenStore } from '../store/token.store.ts';
import { expiryFrom } from '../tokens/expiry.ts';
import { digestOf, generateToken, tokenKeyOf } from '../tokens/token.ts';
import { KnoxUnauthorizedException, TokenLimitExceededException } from './knox.exceptions.ts';
import { tokenOptions, type CreateTokenOptions } from './token.options.ts';
import type { UserStatus } from './user-status.ts';

/** A token that was just made. */
export interface IssuedToken<Token extends AbstractAuthToken = AbstractAuthToken> {
  /** The saved entity. */
  readonly authToken: Token;
  /** The raw token. It is stored nowhere, so that this is the only time to see it. */
  readonly token: string;
}

/** Makes tokens. Its errors are unfiltered: TokenManager decides which are faults. */
export class TokenIssuer<Token extends AbstractAuthToken> {
  readonly #settings: KnoxSettings;
  readonly #store: TokenStore<Token>;
  readonly #userStatus: UserStatus;
  readonly #events: EventPublisher;

  constructor(
    settings: KnoxSettings,
    store: TokenStore<Token>,
    userStatus: UserStatus,
    events: EventPublisher,
  ) {
    this.#settings = settings;
    this.#store = store;
    this.#userStatus = userStatus;
    this.#events = events;
  }

  /**
   * Makes a token for an active user and saves it.
   *
   * @throws ArgumentError for a user, an option or a column that it cannot take, before any SQL
   * @throws KnoxUnauthorizedException `user_inactive`
   * @throws TokenLimitExceededException
   * @see knox/models.py, AuthTokenManager.create
   */
  async issue(
    user: Token['user'],
    given: CreateTokenOptions<Token>,
    op: Operation,
  ): Promise<IssuedToken<Token>> {
    const options = givenOptions(given);
    const terms = tokenOptions(options, this.#settings, this.#store.entity);
    const key = this.#store.ownerKey(user);
    const transaction = this.#store.transactions.transactionOf(options.manager);
    const owner = await this.#activeOwner(user, key, op, transaction);
    const token = generateToken(terms.prefix, this.#settings.tokenLength);
    const now = Date.now();
    const unsaved = this.#store.build({
      ...terms.columns,
      digest: digestOf(token, this.#settings.hashAlgorithm),
      tokenKey: tokenKeyOf(token),
      user: owner,
      created: new Date(now),
      expiry: expiryFrom(now, terms.ttl),
      ttl: terms.ownTtl,
    });
    const limit = { owner: key, limit: terms.limit, now };
    const result = await this.#store.insert(unsaved, limit, op, transaction);
    if (!result.ok) {
      throw result.reason === 'limit'
        ? new TokenLimitExceededException()
        : new KnoxUnauthorizedException('user_inactive');
    }
    const { token: authToken } = result;
    this.#store.transactions.onCommit(transaction, () => {
      this.#events.publish(TokenCreatedEvent, op, authToken.user, authToken);
    });
    return { authToken, token };
  }

  /**
   * The user as the database has it, because the application's object may be stale or made by hand. If that
   * object is an instance of the owner's class, the token keeps it.
   */
  async #activeOwner(
    user: Token['user'],
    key: OwnerKey,
    op: Operation,
    transaction: QueryRunner | undefined,
  ): Promise<object> {
    const owner = await this.#store.findOwner(key, op, transaction);
    if (owner === null || !(await op.race(Promise.resolve(this.#userStatus.isActive(owner))))) {
      throw new KnoxUnauthorizedException('user_inactive');
    }
    return this.#store.isOwnerInstance(user) ? user : owner;
  }
}
