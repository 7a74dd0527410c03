import { Inject, Injectable } from '@nestjs/common';
import type { EntityManager, QueryRunner } from 'typeorm';
import { EventPublisher } from '../events/event.publisher.ts';
import { TokenCreatedEvent } from '../events/knox.events.ts';
import type { ClientInfo } from '../requests/client-info.ts';
import { DURATION_FORMAT, parseDuration, type Duration } from '../options/duration.ts';
import { describeKind } from '../errors/knox-config.error.ts';
import type { KnoxSettings } from '../options/runtime-options.ts';
import type { AbstractAuthToken } from '../entities/abstract-auth-token.entity.ts';
import type { Deadline } from '../async/deadline.ts';
import type { OwnerKey } from '../store/schema/owner.schema.ts';
import type { TokenSchema } from '../store/schema/token.schema.ts';
import { TokenStore } from '../store/token.store.ts';
import { expiryFrom } from '../tokens/expiry.ts';
import {
  MAX_PREFIX_LENGTH,
  digestOf,
  isTokenPrefix,
  generateToken,
  tokenKeyOf,
} from '../tokens/token.ts';
import { answerOrUnavailable } from './error-boundary.ts';
import { KnoxUnauthorizedException, TokenLimitExceededException } from './knox.exceptions.ts';
import { KNOX_SETTINGS } from './knox.settings.ts';
import { UserStatus } from './user-status.ts';

/** What one token may have of its own, instead of what the options say. */
export interface CreateTokenOptions<Token extends AbstractAuthToken = AbstractAuthToken> {
  /** How long it lives; null: for ever. A refresh keeps to it. */
  ttl?: Duration | null | undefined;
  /** What it begins with: 0 to 10 letters, digits, `_` or `-`. */
  prefix?: string | undefined;
  /** How many unexpired tokens the user may hold, this one included; null: any. */
  limit?: number | null | undefined;
  /** Values for the columns of the application's own token entity. */
  columns?: Partial<Omit<Token, keyof AbstractAuthToken>> | undefined;
  /** Runs it in the application's own transaction, whose end decides about the token. */
  manager?: EntityManager | undefined;
}

/** A token that was just made. */
export interface IssuedToken<Token extends AbstractAuthToken = AbstractAuthToken> {
  /** The saved entity. */
  readonly authToken: Token;
  /** The raw token: seen here once and never again. */
  readonly token: string;
}

/** Makes tokens. */
@Injectable()
export class TokenIssuer<Token extends AbstractAuthToken = AbstractAuthToken> {
  readonly #settings: KnoxSettings;
  readonly #store: TokenStore<Token>;
  readonly #activity: UserStatus;
  readonly #events: EventPublisher;

  constructor(
    @Inject(KNOX_SETTINGS) settings: KnoxSettings,
    @Inject(TokenStore) store: TokenStore<Token>,
    activity: UserStatus,
    events: EventPublisher,
  ) {
    this.#settings = settings;
    this.#store = store;
    this.#activity = activity;
    this.#events = events;
  }

  /**
   * Makes a token for an active user and saves it.
   *
   * @throws TypeError for a user, an option or a column that is none, before any SQL
   * @throws KnoxUnauthorizedException `user_inactive`
   * @throws TokenLimitExceededException
   * @throws KnoxUnavailableException if the database or `isUserActive` gave no answer in time
   * @see knox/models.py, AuthTokenManager.create
   */
  async issue(
    user: Token['user'],
    options: CreateTokenOptions<Token>,
    deadline: Deadline,
    client: ClientInfo | null,
  ): Promise<IssuedToken<Token>> {
    const tokenOptions = this.#readOptions(options);
    const schema = await answerOrUnavailable(() => this.#store.schema);
    const key = schema.owner.keyOf(user);
    checkColumns(tokenOptions.columns, schema);
    if (tokenOptions.ownTtl !== null && !schema.hasTtlColumn && this.#settings.autoRefresh) {
      throw new TypeError(
        `ttl: ${schema.metadata.name} has no column to keep it, so that autoRefresh would go by ` +
          'tokenTtl; leave ttl out, or turn autoRefresh off.',
      );
    }
    if (tokenOptions.ttl !== null && Date.now() + tokenOptions.ttl > schema.instants.lastInstant) {
      const last = new Date(schema.instants.lastInstant).toISOString();
      throw new TypeError(`ttl: ${schema.metadata.name} can store no expiry past ${last}.`);
    }
    const transaction = this.#store.transactions.of(options.manager);
    const issued = await answerOrUnavailable(async () => {
      const owner = await this.#activeOwner(user, key, deadline, transaction);
      const token = generateToken(tokenOptions.prefix, this.#settings.tokenLength);
      const now = Date.now();
      const authToken = this.#store.build({
        ...tokenOptions.columns,
        digest: digestOf(token, this.#settings.hashAlgorithm),
        tokenKey: tokenKeyOf(token),
        user: owner,
        created: new Date(now),
        expiry: expiryFrom(now, tokenOptions.ttl),
        ttl: tokenOptions.ownTtl,
      });
      const insertTerms = { owner: key, limit: tokenOptions.limit, now };
      const outcome = await this.#store.insert(authToken, insertTerms, deadline, transaction);
      if (outcome === 'limit') throw new TokenLimitExceededException();
      if (outcome === 'no_owner') throw new KnoxUnauthorizedException('user_inactive');
      return { authToken: outcome, token };
    });
    this.#store.transactions.afterCommit(transaction, () => {
      this.#events.publish(TokenCreatedEvent, issued.authToken.user, issued.authToken, client);
    });
    return issued;
  }

  /**
   * The user as the database has it: whatever the application holds may be stale, or its own making.
   * The token keeps the application's instance, where it is one.
   */
  async #activeOwner(
    user: Token['user'],
    key: OwnerKey,
    deadline: Deadline,
    transaction: QueryRunner | undefined,
  ): Promise<object> {
    const owner = await this.#store.findOwner(key, deadline, transaction);
    if (owner === null || !(await deadline.race(Promise.resolve(this.#activity.isActive(owner))))) {
      throw new KnoxUnauthorizedException('user_inactive');
    }
    return this.#store.schema.owner.isInstance(user) ? user : owner;
  }

  #readOptions(options: CreateTokenOptions<Token>): {
    prefix: string;
    limit: number | null;
    ttl: number | null;
    ownTtl: number | null;
    columns: object;
  } {
    const { ttl, prefix = this.#settings.tokenPrefix, columns = {} } = options;
    const { limit = this.#settings.tokenLimitPerUser } = options;
    const ownTtl = ttl === undefined || ttl === null ? null : parseDuration(ttl);
    if (ownTtl === undefined) {
      throw new TypeError(`ttl must be ${DURATION_FORMAT}, or null; got ${describeKind(ttl)}.`);
    }
    if (!isTokenPrefix(prefix)) {
      const most = String(MAX_PREFIX_LENGTH);
      throw new TypeError(`prefix must be at most ${most} letters, digits, "_" or "-".`);
    }
    if (limit !== null && !(Number.isSafeInteger(limit) && limit >= 0)) {
      throw new TypeError(`limit must be a whole number or null; got ${describeKind(limit)}.`);
    }
    return {
      prefix,
      limit,
      ttl: ttl === undefined ? this.#settings.tokenTtl : ownTtl,
      ownTtl,
      columns,
    };
  }
}

/** @throws TypeError for what is not a column of the application's own token entity */
function checkColumns(
  columns: unknown,
  { metadata, extraColumns: ownProperties }: TokenSchema,
): void {
  if (typeof columns !== 'object' || columns === null || Array.isArray(columns)) {
    throw new TypeError(`columns must be an object; got ${describeKind(columns)}.`);
  }
  const wrong = Object.keys(columns).find((name) => !ownProperties.has(name));
  if (wrong === undefined) return;
  const own = ownProperties.size === 0 ? 'it has none of its own' : [...ownProperties].join(', ');
  throw new TypeError(`columns: ${metadata.name} has no column "${wrong}" to set; ${own}.`);
}
