import { Inject, Injectable } from '@nestjs/common';
import type { EntityManager } from 'typeorm';
import { Operation } from '../async/operation.ts';
import type { AbstractAuthToken } from '../entities/abstract-auth-token.entity.ts';
import type { AuthToken } from '../entities/auth-token.entity.ts';
import { describeKind } from '../errors/knox-config.error.ts';
import { checkOptions, givenOptions } from '../options/given-options.ts';
import { KNOX_SETTINGS, type KnoxSettings } from '../options/runtime-options.ts';
import { isAbility } from '../tokens/abilities.ts';
import type { Authenticated } from './token.authenticator.ts';
import type { OwnerOrKey } from './owner-or-key.ts';
import type { IssuedToken } from './token.issuer.ts';
import { TokenManager } from './token.manager.ts';
import type { CreateTokenOptions } from './token.options.ts';

const CREATE_OPTIONS: readonly (keyof CreateTokenOptions)[] = [
  ...(['ttl', 'prefix', 'limit', 'columns', 'name', 'abilities', 'within', 'manager'] as const),
];

/**
 * Makes, checks, lists and revokes tokens. Each method waits for the database for at most `authTimeout`, and
 * then throws a KnoxUnavailableException.
 *
 * @typeParam Token the application's token entity, if it is not AuthToken
 * @publicApi
 */
@Injectable()
export class TokenService<Token extends AbstractAuthToken = AuthToken> {
  readonly #settings: KnoxSettings;
  readonly #manager: TokenManager<Token>;

  constructor(
    @Inject(KNOX_SETTINGS) settings: KnoxSettings,
    @Inject(TokenManager) manager: TokenManager<Token>,
  ) {
    this.#settings = settings;
    this.#manager = manager;
  }

  /**
   * Makes a token for an active user and saves it.
   *
   * @param user the owner, or an object with its key, as in all methods
   * @returns the saved entity, and the raw token, which is stored nowhere
   * @throws TypeError for a user without a key or of another entity, and for a wrong or unknown option or
   *   column, before any SQL
   * @throws KnoxUnauthorizedException `user_inactive`
   * @throws KnoxForbiddenException `insufficient_ability`, for what the token of `within` may not do
   * @throws TokenLimitExceededException
   * @throws IsolationLevelError if `manager` is in a transaction that cannot count the user's tokens
   * @throws KnoxUnavailableException
   * @see knox/models.py, AuthTokenManager.create
   */
  async create(
    user: OwnerOrKey<Token['user']>,
    options: CreateTokenOptions<Token> = {},
  ): Promise<IssuedToken<Token>> {
    checkOptions(options, CREATE_OPTIONS);
    return this.#manager.create(user, options, this.#operation());
  }

  /**
   * The user of a raw token, as the database has it now.
   *
   * @throws TypeError if the token is not a string
   * @throws KnoxUnauthorizedException `invalid_token`, `user_inactive`
   * @throws KnoxUnavailableException
   */
  async authenticate(token: string): Promise<Authenticated<Token>> {
    if (typeof token !== 'string') throw new TypeError('The token must be a string.');
    return this.#manager.authenticate(token, this.#operation());
  }

  /**
   * Extends a token now, by the rules of `autoRefresh`, whether that option is on or not: `tokenTtl` or the token's own
   * TTL from now, at most `autoRefreshMaxTtl` from its creation, and only if it gains more than `minRefreshInterval`.
   *
   * @param tokenOrAuthToken the raw token, or its entity, whose `expiry` is set
   * @returns when it expires; null if it never does
   * @throws TypeError for anything else
   * @throws KnoxUnauthorizedException `invalid_token`, if it is gone or has expired
   * @throws KnoxUnavailableException
   */
  async refresh(tokenOrAuthToken: string | Token): Promise<Date | null> {
    return this.#manager.refresh(tokenOrAuthToken, this.#operation());
  }

  /**
   * The user's unexpired token of this public id.
   *
   * @param id its `publicId`
   * @returns the token, or null
   * @throws TypeError for a user without a key or of another entity
   * @throws KnoxUnavailableException
   */
  async find(user: OwnerOrKey<Token['user']>, id: string): Promise<Token | null> {
    return this.#manager.find(user, id, this.#operation());
  }

  /**
   * Names the user's unexpired token of this public id. The token entity needs the column `name`.
   *
   * @param id its `publicId`
   * @param name 1 to 100 characters; null: none
   * @returns the token as it is then, or null if there is none
   * @throws TypeError for a user without a key or of another entity, for what is no name, and without the column
   * @throws KnoxUnavailableException
   */
  async rename(
    user: OwnerOrKey<Token['user']>,
    id: string,
    name: string | null,
  ): Promise<Token | null> {
    return this.#manager.rename(user, id, name, this.#operation());
  }

  /**
   * The user of a raw token that is good once: its row is gone when the promise resolves. Of any number of parallel calls
   * one gets it. For links in mails.
   *
   * @param options `ability`: what the token must be able to do; one that is not is left alone
   * @throws TypeError if the token is not a string, and for a wrong option
   * @throws KnoxUnauthorizedException `invalid_token`, `user_inactive`
   * @throws KnoxForbiddenException `insufficient_ability`
   * @throws KnoxUnavailableException; then nobody gets it, and it may be gone
   */
  async consume(
    token: string,
    options: { readonly ability?: string | undefined } = {},
  ): Promise<Authenticated<Token>> {
    if (typeof token !== 'string') throw new TypeError('The token must be a string.');
    checkOptions(options, ['ability']);
    const { ability } = givenOptions(options);
    if (ability !== undefined && !isAbility(ability)) {
      throw new TypeError(`ability must be one ability; got ${describeKind(ability)}.`);
    }
    return this.#manager.consume(token, ability, this.#operation());
  }

  /**
   * Deletes one token. The deletion is committed when the promise resolves; with `manager`, when that transaction
   * commits.
   *
   * @param tokenOrAuthToken the raw token, or its entity
   * @param options.manager deletes it in the application's own transaction; its event is sent after the commit
   * @returns whether there was a token to delete
   * @throws TypeError for anything else, and for a wrong or unknown option
   * @throws IsolationLevelError if the token is there, but the transaction of `manager` cannot see it
   * @throws KnoxUnavailableException
   */
  async revoke(
    tokenOrAuthToken: string | Token,
    options?: { manager?: EntityManager | undefined },
  ): Promise<boolean>;
  /**
   * Deletes the user's unexpired token of this public id.
   *
   * @param id its `publicId`
   * @returns whether there was a token to delete
   * @throws TypeError for a user without a key or of another entity
   * @throws KnoxUnavailableException
   */
  async revoke(user: OwnerOrKey<Token['user']>, id: string): Promise<boolean>;
  async revoke(
    target: string | Token | object,
    idOrOptions: string | { manager?: EntityManager | undefined } = {},
  ): Promise<boolean> {
    const op = this.#operation();
    if (typeof idOrOptions === 'string') {
      return this.#manager.endSession(target as object, idOrOptions, 'service', op);
    }
    checkOptions(idOrOptions, ['manager']);
    const { manager } = givenOptions(idOrOptions);
    return this.#manager.revoke(target as string | Token, { reason: 'service', manager }, op);
  }

  /**
   * Deletes the user's tokens. The deletion is committed when the promise resolves; with `manager`, when that
   * transaction commits. There, each 500 tokens may take `authTimeout`.
   *
   * @param options.except a token to keep, raw or as its entity
   * @param options.manager deletes them in the application's own transaction; its event is sent after the commit
   * @returns how many were deleted
   * @throws TypeError for a user without a key or of another entity, and for a wrong or unknown option
   * @throws IsolationLevelError if there is a token that the transaction of `manager` cannot see
   * @throws KnoxUnavailableException
   */
  async revokeAll(
    user: OwnerOrKey<Token['user']>,
    options: { except?: string | Token | undefined; manager?: EntityManager | undefined } = {},
  ): Promise<number> {
    checkOptions(options, ['except', 'manager']);
    const { except, manager } = givenOptions(options);
    return this.#manager.revokeAll(user, except, { reason: 'service', manager }, this.#operation());
  }

  /**
   * The user's unexpired tokens, newest first.
   *
   * @throws TypeError for a user without a key or of another entity
   * @throws KnoxUnavailableException
   */
  async list(user: OwnerOrKey<Token['user']>): Promise<Token[]> {
    return this.#manager.list(user, this.#operation());
  }

  /**
   * Deletes every expired token, in small batches so that no lock is held for long. It is meant for a job that
   * runs now and then. Each batch may take `authTimeout`.
   *
   * @returns how many were deleted
   * @throws KnoxUnavailableException
   */
  async deleteExpired(): Promise<number> {
    return this.#manager.prune();
  }

  #operation(): Operation {
    return Operation.within(this.#settings.authTimeout);
  }
}
