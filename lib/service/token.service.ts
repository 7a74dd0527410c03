import { Inject, Injectable } from '@nestjs/common';
import { describeKind } from '../errors/knox-config.error.ts';
import type { KnoxSettings } from '../options/runtime-options.ts';
import type { AbstractAuthToken } from '../entities/abstract-auth-token.entity.ts';
import type { AuthToken } from '../entities/auth-token.entity.ts';
import { Deadline } from '../async/deadline.ts';
import { TokenStore } from '../store/token.store.ts';
import { answerOrUnavailable } from './error-boundary.ts';
import { KNOX_SETTINGS } from './knox.settings.ts';
import { TokenAuthenticator, type Authenticated } from './token.authenticator.ts';
import { TokenIssuer, type CreateTokenOptions, type IssuedToken } from './token.issuer.ts';
import { TokenRevoker } from './token.revoker.ts';

/**
 * Makes, proves, lists and revokes tokens. Every method waits for the database at most
 * `authTimeout`, and then throws a KnoxUnavailableException.
 *
 * @typeParam Token the application's token entity, where it has one of its own
 * @publicApi
 */
@Injectable()
export class TokenService<Token extends AbstractAuthToken = AuthToken> {
  readonly #settings: KnoxSettings;
  readonly #store: TokenStore<Token>;
  readonly #authenticator: TokenAuthenticator<Token>;
  readonly #issuer: TokenIssuer<Token>;
  readonly #revoker: TokenRevoker<Token>;

  constructor(
    @Inject(KNOX_SETTINGS) settings: KnoxSettings,
    @Inject(TokenStore) store: TokenStore<Token>,
    @Inject(TokenAuthenticator) authenticator: TokenAuthenticator<Token>,
    @Inject(TokenIssuer) issuer: TokenIssuer<Token>,
    @Inject(TokenRevoker) revoker: TokenRevoker<Token>,
  ) {
    this.#settings = settings;
    this.#store = store;
    this.#authenticator = authenticator;
    this.#issuer = issuer;
    this.#revoker = revoker;
  }

  /**
   * Makes a token for an active user and saves it.
   *
   * @returns the saved entity, and the raw token, which is seen here once and never again
   * @throws TypeError for a user without a key or of another entity, and for an option or a column
   *   that there is none of, before any SQL
   * @throws KnoxUnauthorizedException `user_inactive`
   * @throws TokenLimitExceededException
   * @throws KnoxUnavailableException
   * @see knox/models.py, AuthTokenManager.create
   */
  async create(
    user: Token['user'],
    options: CreateTokenOptions<Token> = {},
  ): Promise<IssuedToken<Token>> {
    checkOptions(options, ['ttl', 'prefix', 'limit', 'columns', 'manager']);
    return this.#issuer.issue(user, options, this.#deadline(), null);
  }

  /**
   * Whose token this is, asked of the database.
   *
   * @throws TypeError if it is no string
   * @throws KnoxUnauthorizedException `invalid_token`, `user_inactive`
   * @throws KnoxUnavailableException
   */
  async authenticate(token: string): Promise<Authenticated<Token>> {
    if (typeof token !== 'string') throw new TypeError('The token must be a string.');
    return this.#authenticator.authenticate(token, this.#deadline(), null);
  }

  /**
   * Deletes one token. The deletion is committed when the promise resolves.
   *
   * @param tokenOrAuthToken the raw token, or its entity
   * @returns whether it was there to delete
   * @throws TypeError for anything else
   * @throws KnoxUnavailableException
   */
  async revoke(tokenOrAuthToken: string | Token): Promise<boolean> {
    return this.#revoker.revoke(tokenOrAuthToken, this.#deadline(), null);
  }

  /**
   * Deletes the user's tokens. The deletion is committed when the promise resolves.
   *
   * @param options.except a token, raw or entity, to leave alone
   * @returns how many were deleted
   * @throws TypeError for a user without a key or of another entity
   * @throws KnoxUnavailableException
   */
  async revokeAll(
    user: Token['user'],
    options: { except?: string | Token | undefined } = {},
  ): Promise<number> {
    checkOptions(options, ['except']);
    return this.#revoker.revokeAll(user, options.except, this.#deadline(), null);
  }

  /**
   * The user's unexpired tokens, newest first.
   *
   * @throws TypeError for a user without a key or of another entity
   * @throws KnoxUnavailableException
   */
  async list(user: Token['user']): Promise<Token[]> {
    const owner = (await answerOrUnavailable(() => this.#store.schema)).owner.keyOf(user);
    const tokens = await answerOrUnavailable(() =>
      this.#store.list(owner, Date.now(), this.#deadline()),
    );
    for (const token of tokens) token.user = user;
    return tokens;
  }

  /**
   * Deletes every expired token, in batches that lock nothing for long: for a job that runs now
   * and then. Each batch may take `authTimeout`.
   *
   * @returns how many were deleted
   * @throws KnoxUnavailableException
   */
  async deleteExpired(): Promise<number> {
    return this.#revoker.prune();
  }

  #deadline(): Deadline {
    return new Deadline(this.#settings.authTimeout);
  }
}

/** A misspelt option would be passed over in silence, and revokeAll spare nothing. */
function checkOptions(options: unknown, names: readonly string[]): void {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`options must be an object; got ${describeKind(options)}.`);
  }
  const unknown = Object.keys(options).find((name) => !names.includes(name));
  if (unknown === undefined) return;
  throw new TypeError(`There is no option "${unknown}"; there are ${names.join(', ')}.`);
}
