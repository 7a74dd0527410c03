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
    user: object,
    given: CreateTokenOptions<Token>,
    op: Operation,
  ): Promise<IssuedToken<Token>> {
    const options = givenOptions(given);
    const { schema } = this.#store;
    const terms = tokenOptions(options, this.#settings, schema);
    const givenKey = schema.owner.keyOf(user);
    const transaction = this.#store.transactions.transactionOf(options.manager);
    const owner = await this.#activeOwner(givenKey, op, transaction);
    // As the database writes it: it may take other spellings for equal, but a lock goes by its name.
    const key = schema.owner.keyColumn.isSelect ? schema.owner.keyOf(owner) : givenKey;
    // The token keeps the application's own object, if that can be saved with it.
    const isKept = schema.owner.isInstance(user) && key === givenKey;
    const token = generateToken(terms.prefix, this.#settings.tokenLength);
    const now = Date.now();
    const authToken = this.#store.build({
      ...terms.columns,
      digest: digestOf(token, this.#settings.hashAlgorithm),
      tokenKey: tokenKeyOf(token),
      user: isKept ? user : owner,
      created: new Date(now),
      expiry: expiryFrom(now, terms.ttl),
      ttl: terms.ownTtl,
    });
    const limit = { owner: key, limit: terms.limit, now };
    const refusal = await this.#store.insert(authToken, limit, op, transaction);
    if (refusal === 'limit') throw new TokenLimitExceededException();
    if (refusal === 'no_owner') throw new KnoxUnauthorizedException('user_inactive');
    this.#store.transactions.onCommit(transaction, () => {
      this.#events.publish(TokenCreatedEvent, op, authToken.user, authToken);
    });
    return { authToken, token };
  }

  /** The user as the database has it, because the application's object may be stale or made by hand. */
  async #activeOwner(
    key: OwnerKey,
    op: Operation,
    transaction: QueryRunner | undefined,
  ): Promise<object> {
    const owner = await this.#store.findOwner(key, op, transaction);
    if (owner === null || !(await op.race(Promise.resolve(this.#userStatus.isActive(owner))))) {
      throw new KnoxUnauthorizedException('user_inactive');
    }
    return owner;
  }
}
