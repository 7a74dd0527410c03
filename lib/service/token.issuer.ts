import type { QueryRunner } from 'typeorm';
import type { Operation } from '../async/operation.ts';
import type { AbstractAuthToken } from '../entities/abstract-auth-token.entity.ts';
import type { Feature } from '../entities/feature-columns.ts';
import type { EventPublisher } from '../events/event.publisher.ts';
import { TokenCreatedEvent, TokenRevokedEvent } from '../events/knox.events.ts';
import { givenOptions } from '../options/given-options.ts';
import type { KnoxSettings } from '../options/runtime-options.ts';
import type { OwnerKey, TokenStore } from '../store/token.store.ts';
import { storedClient } from '../requests/stored-client.ts';
import { expiryFrom } from '../tokens/expiry.ts';
import { digestOf, generateToken, tokenKeyOf } from '../tokens/token.ts';
import { KnoxUnauthorizedException, TokenLimitExceededException } from './knox.exceptions.ts';
import {
  checkPrefix,
  expiryOf,
  tokenOptions,
  type CreateTokenOptions,
  type TokenOptions,
} from './token.options.ts';
import type { UserStatus } from './user-status.ts';

/** A token that was just made. */
export interface IssuedToken<Token extends AbstractAuthToken = AbstractAuthToken> {
  /** The saved entity. */
  readonly authToken: Token;
  /** The raw token. It is stored nowhere, so that this is the only time to see it. */
  readonly token: string;
}

/** Which tokens go under each limit policy. */
const EVICTIONS = {
  reject: null,
  'evict-oldest': 'oldest',
  'evict-least-used': 'least-used',
} as const;

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
      expiry: expiryOf(now, terms, options.ttl !== undefined),
      ttl: terms.ownTtl,
      ...this.#featureColumns(terms, op),
    });
    const evict = EVICTIONS[this.#settings.tokenLimitPolicy];
    const limit = { owner: key, limit: terms.limit, evict, now };
    const { refusal, evicted } = await this.#store.insert(authToken, limit, op, transaction);
    if (refusal === 'limit') throw new TokenLimitExceededException();
    if (refusal === 'no_owner') throw new KnoxUnauthorizedException('user_inactive');
    this.#store.transactions.onCommit(transaction, () => {
      if (evicted > 0) {
        this.#events.publish(TokenRevokedEvent, op, 'limit', authToken.user, null, evicted);
      }
      this.#events.publish(TokenCreatedEvent, op, authToken.user, authToken);
    });
    return { authToken, token };
  }

  /**
   * Gives an unexpired token a new raw token in the same row, and its time from now. The old one is good for nothing from
   * the commit on. If the commit's answer is lost, the session ends, so that there are never two.
   *
   * @returns null if it is gone or expired
   * @throws ArgumentError for a wrong prefix
   */
  async reissue(
    authToken: Token,
    givenPrefix: string | undefined,
    op: Operation,
  ): Promise<IssuedToken<Token> | null> {
    const { tokenPrefix, tokenLength, hashAlgorithm, tokenTtl } = this.#settings;
    const prefix = checkPrefix(givenPrefix ?? tokenPrefix);
    const token = generateToken(prefix, tokenLength);
    const now = Date.now();
    const expiry = authToken.expiry === null ? null : expiryFrom(now, authToken.ttl ?? tokenTtl);
    const values = {
      digest: digestOf(token, hashAlgorithm),
      tokenKey: tokenKeyOf(token),
      expiry,
      authenticated: new Date(now),
    };
    const replacement = {
      by: values.digest,
      tokenKey: values.tokenKey,
      expiry: expiry?.getTime() ?? null,
      now,
    };
    if (!(await this.#store.replace(authToken, replacement, op))) return null;
    const { user } = authToken;
    this.#events.publish(TokenRevokedEvent, op, 'reauthenticated', user, authToken, 1);
    return { authToken: Object.assign(this.#store.build(authToken), values), token };
  }

  /** The values of those columns that the token entity has for features. */
  #featureColumns({ name, abilities, authenticated }: TokenOptions, op: Operation): object {
    const { features } = this.#store.schema;
    if (features.size === 0) return {};
    const isClientStored = features.has('ip') || features.has('userAgent');
    const client = isClientStored ? storedClient(op.client, this.#settings.storedIp) : {};
    const values = { name, abilities, authenticated, lastUsed: null, ...client };
    return Object.fromEntries(
      Object.entries(values).filter(([feature]) => features.has(feature as Feature)),
    );
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
