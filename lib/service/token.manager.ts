import { AUTHENTICATE, CREATE, REVOKE, traced, type Facts } from '../async/diagnostics.ts';
import { Operation } from '../async/operation.ts';
import type { AbstractAuthToken, TokenEntity } from '../entities/abstract-auth-token.entity.ts';
import { hasFeature, type Feature } from '../entities/feature-columns.ts';
import type { EventPublisher } from '../events/event.publisher.ts';
import {
  AuthFailedEvent,
  UserLoggedOutEvent,
  type RevocationReason,
} from '../events/knox.events.ts';
import type { Awaitable } from '../options/runtime-options.ts';
import type { DeletionListener, TokenStore } from '../store/token.store.ts';
import { toHttpError } from './error-boundary.ts';
import { KnoxForbiddenException, KnoxUnauthorizedException } from './knox.exceptions.ts';
import type { Authenticated, Recheck, TokenAuthenticator } from './token.authenticator.ts';
import type { IssuedToken, TokenIssuer } from './token.issuer.ts';
import type { CreateTokenOptions } from './token.options.ts';
import type { Revocation, TokenRevoker } from './token.revoker.ts';
import type { TokenSessions } from './token.sessions.ts';

/** What a TokenManager is made of. */
export interface TokenManagerParts<Token extends AbstractAuthToken> {
  readonly realm: string;
  readonly store: TokenStore<Token>;
  readonly authenticator: TokenAuthenticator<Token>;
  readonly issuer: TokenIssuer<Token>;
  readonly revoker: TokenRevoker<Token>;
  readonly sessions: TokenSessions<Token>;
  readonly events: EventPublisher;
}

/**
 * All that HTTP and TokenService ask about tokens. Here a refused token becomes a 401, and here alone a fault becomes
 * a 503: each method throws what `toHttpError` makes of an error.
 */
export class TokenManager<Token extends AbstractAuthToken = AbstractAuthToken> {
  readonly #realm: string;
  readonly #store: TokenStore<Token>;
  readonly #authenticator: TokenAuthenticator<Token>;
  readonly #issuer: TokenIssuer<Token>;
  readonly #revoker: TokenRevoker<Token>;
  readonly #sessions: TokenSessions<Token>;
  readonly #events: EventPublisher;

  constructor(parts: TokenManagerParts<Token>) {
    const { realm, store, authenticator, issuer, revoker, sessions, events } = parts;
    this.#realm = realm;
    this.#store = store;
    this.#authenticator = authenticator;
    this.#issuer = issuer;
    this.#revoker = revoker;
    this.#sessions = sessions;
    this.#events = events;
  }

  /**
   * The user of a raw token.
   *
   * @throws KnoxUnauthorizedException `invalid_token`, `user_inactive`
   * @throws KnoxUnavailableException if the database or `isUserActive` gave no answer in time
   */
  authenticate(token: string, op: Operation): Promise<Authenticated<Token>> {
    if (!AUTHENTICATE.hasSubscribers) return this.#authenticate(token, op);
    return traced(
      AUTHENTICATE,
      { realm: this.#realm },
      () => this.#authenticate(token, op),
      ({ user }) => this.#factsOf(user, 0),
    );
  }

  async #authenticate(token: string, op: Operation): Promise<Authenticated<Token>> {
    try {
      const verdict = await this.#authenticator.authenticate(token, op);
      if (verdict.ok) return { user: verdict.user, authToken: verdict.authToken };
      const exception = new KnoxUnauthorizedException(verdict.code);
      throw this.refuse(exception, op, verdict.authToken);
    } catch (error) {
      throw toHttpError(error);
    }
  }

  /** The class of the realm's tokens. */
  get tokenEntity(): TokenEntity<Token> {
    return this.#store.tokenEntity;
  }

  /** The verdicts on tokens that were good before, in the same order. @see TokenAuthenticator.recheckAll */
  async recheckAll(digests: readonly string[], op: Operation): Promise<readonly Recheck[]> {
    const verdicts = await answer(() => this.#authenticator.recheckAll(digests, op));
    return verdicts.map((verdict) =>
      verdict.ok === null ? { ok: null, fault: toHttpError(verdict.fault) } : verdict,
    );
  }

  /** Tells of tokens that this process deletes. @see TokenStore.onDeleted */
  onDeleted(listener: DeletionListener): () => void {
    return this.#store.onDeleted(listener);
  }

  /** Whether this very object was loaded with a token for this login. @see TokenAuthenticator.cameFromToken */
  cameFromToken(user: object, op: Operation, since: number): boolean {
    return this.#authenticator.cameFromToken(user, op, since);
  }

  /** Whether its use has moved the expiry of this token. @see TokenAuthenticator.wasRefreshed */
  wasRefreshed(authToken: Token): boolean {
    return this.#authenticator.wasRefreshed(authToken);
  }

  /** Makes and saves a token. @see TokenIssuer.issue */
  create(
    user: object,
    options: CreateTokenOptions<Token>,
    op: Operation,
  ): Promise<IssuedToken<Token>> {
    if (!CREATE.hasSubscribers) return this.#create(user, options, op);
    return traced(
      CREATE,
      { realm: this.#realm },
      () => this.#create(user, options, op),
      ({ authToken }) => this.#factsOf(authToken.user, 1),
    );
  }

  #create(
    user: Token['user'],
    options: CreateTokenOptions<Token>,
    op: Operation,
  ): Promise<IssuedToken<Token>> {
    return answer(() => this.#issuer.issue(user, options, op));
  }

  /** The user's unexpired tokens, newest first. */
  async list(user: object, op: Operation): Promise<Token[]> {
    const tokens = await answer(() => this.#store.list(this.#store.schema.owner.keyOf(user), op));
    for (const token of tokens) token.user = user;
    return tokens;
  }

  /** Moves a token's expiry forward; the expiry that it has then. @see TokenAuthenticator.refresh */
  refresh(tokenOrAuthToken: string | Token, op: Operation): Promise<Date | null> {
    return answer(async () => {
      const authToken = await this.#authenticator.refresh(tokenOrAuthToken, op);
      if (authToken === null) throw new KnoxUnauthorizedException('invalid_token');
      if (typeof tokenOrAuthToken !== 'string') tokenOrAuthToken.expiry = authToken.expiry;
      return authToken.expiry;
    });
  }

  /** Whether the token entity has the column of this feature. */
  hasFeature(feature: Feature): boolean {
    return hasFeature(this.#store.tokenEntity.prototype as object, feature);
  }

  /** The user's unexpired token of this public id, or null. */
  find(user: object, id: string, op: Operation): Promise<Token | null> {
    return answer(() => this.#sessions.find(user, id, op));
  }

  /** Renames the user's unexpired token of this public id; null if there is none. */
  rename(user: object, id: string, name: string | null, op: Operation): Promise<Token | null> {
    return answer(() => this.#sessions.rename(user, id, name, op));
  }

  /** Deletes the user's unexpired token of this public id; whether there was one. */
  async endSession(
    user: object,
    id: string,
    reason: RevocationReason,
    op: Operation,
  ): Promise<boolean> {
    const authToken = await this.find(user, id, op);
    return authToken !== null && this.revoke(authToken, { reason }, op);
  }

  /** Deletes the user's tokens but the one that was presented; how many they were. */
  endOtherSessions(found: Authenticated<Token>, op: Operation): Promise<number> {
    return this.revokeAll(found.user, found.authToken, { reason: 'other_sessions' }, op);
  }

  /**
   * The user of a raw token, which is deleted: of several that bring it at once, one gets the user.
   *
   * @param ability a token without it is left alone
   * @throws KnoxUnauthorizedException, KnoxForbiddenException, KnoxUnavailableException
   */
  async consume(
    token: string,
    ability: string | undefined,
    op: Operation,
  ): Promise<Authenticated<Token>> {
    const found = await this.authenticate(token, op);
    if (ability !== undefined && !found.authToken.can(ability)) {
      throw KnoxForbiddenException.insufficientAbility([ability]);
    }
    // Its DELETE decides who was first.
    if (await this.revoke(found.authToken, { reason: 'consumed' }, op)) return found;
    throw this.refuse(new KnoxUnauthorizedException('invalid_token'), op, found.authToken);
  }

  /**
   * Gives the token that was presented a new raw token, because its holder has proved a password again.
   *
   * @throws KnoxUnauthorizedException `invalid_token`, if another request was faster, or it is gone
   */
  async reauthenticate(
    found: Authenticated<Token>,
    prefix: string | undefined,
    op: Operation,
  ): Promise<IssuedToken<Token>> {
    const issued = await answer(() => this.#issuer.reissue(found.authToken, prefix, op));
    if (issued) return issued;
    throw this.refuse(new KnoxUnauthorizedException('invalid_token'), op, found.authToken);
  }

  /** Whether both are the same user. @throws ArgumentError for what is no user */
  isSameUser(one: object, other: object): boolean {
    const { owner } = this.#store.schema;
    return owner.keyOf(one) === owner.keyOf(other);
  }

  /** Deletes one token; whether there was one. */
  revoke(
    tokenOrAuthToken: string | Token,
    revocation: Revocation,
    op: Operation,
  ): Promise<boolean> {
    const work = (): Promise<boolean> =>
      answer(() => this.#revoker.revoke(tokenOrAuthToken, revocation, op));
    if (!REVOKE.hasSubscribers) return work();
    const user = typeof tokenOrAuthToken === 'string' ? null : tokenOrAuthToken.user;
    return this.#tracedRevocation(revocation.reason, user, () => work().then(Number)).then(Boolean);
  }

  /** Deletes the user's tokens, but the one that `except` names; how many they were. */
  revokeAll(
    user: object,
    except: string | Token | undefined,
    revocation: Revocation,
    op: Operation,
  ): Promise<number> {
    const work = (): Promise<number> =>
      answer(() => this.#revoker.revokeAll(user, except, revocation, op));
    return REVOKE.hasSubscribers ? this.#tracedRevocation(revocation.reason, user, work) : work();
  }

  /** Deletes everybody's expired tokens; how many they were. */
  prune(): Promise<number> {
    return answer(() => this.#revoker.prune());
  }

  /** Deletes the user's expired tokens in the background, so that no answer waits for it. */
  scheduleCleanup(user: Token['user'], op: Operation): void {
    this.#revoker.scheduleCleanup(user, op);
  }

  /**
   * Revokes the token that was presented.
   *
   * @throws KnoxUnauthorizedException `invalid_token`, if a reauthentication may have given the session another meanwhile
   */
  async logOut(found: Authenticated<Token>, op: Operation): Promise<void> {
    const isRevoked = await this.revoke(found.authToken, { reason: 'logout' }, op);
    if (!isRevoked && this.hasFeature('authenticated')) {
      throw this.refuse(new KnoxUnauthorizedException('invalid_token'), op, found.authToken);
    }
    this.#events.publish(UserLoggedOutEvent, op, found.user, found.authToken);
  }

  /** Revokes all tokens of the user whose token was presented. */
  async logOutEverywhere(found: Authenticated<Token>, op: Operation): Promise<void> {
    const work = (): Promise<number> =>
      answer(() => this.#revoker.revokeAllWith(found.authToken, 'logout_all', op));
    await (REVOKE.hasSubscribers ? this.#tracedRevocation('logout_all', found.user, work) : work());
    this.#events.publish(UserLoggedOutEvent, op, found.user, found.authToken);
  }

  /** Deletes a token whose login could not be answered, with retries in the background if it has to be. */
  async discard(authToken: Token, op: Operation): Promise<void> {
    try {
      // The login may have used up its own time.
      await this.revoke(
        authToken,
        { reason: 'service' },
        Operation.within(op.deadline.timeoutMs, () => op.client),
      );
    } catch {
      // `revoke` has logged it.
      this.#store.ensureDeleted(authToken.digest);
    }
  }

  /** Sends the event of a refused request, and returns the exception for the caller to throw. */
  refuse(
    exception: KnoxUnauthorizedException,
    op: Operation,
    authToken: Token | null = null,
  ): KnoxUnauthorizedException {
    const user = authToken?.user ?? null;
    this.#events.publish(AuthFailedEvent, op, exception.code, user, authToken);
    return exception;
  }

  #tracedRevocation(
    reason: RevocationReason,
    user: object | null | undefined,
    work: () => Promise<number>,
  ): Promise<number> {
    return traced(REVOKE, { realm: this.#realm, reason }, work, (count) =>
      this.#factsOf(user, count),
    );
  }

  /** It never throws: whoever listens changes no answer. */
  #factsOf(user: object | null | undefined, count: number): Facts {
    try {
      return { userKey: user ? this.#store.schema.owner.keyOf(user) : null, count };
    } catch {
      return { count };
    }
  }

  /** Asks a hook of the application. If it fails, or gives no answer in time, that is a 503. */
  callHook<R>(hook: () => Awaitable<R>, op: Operation): Promise<R> {
    return answer(() => op.race(Promise.resolve(hook())));
  }

  /** Rejects with the answer to a request that could not be read. */
  fail(error: unknown): Promise<never> {
    return answer(() => {
      throw error;
    });
  }
}

/** The outcome of the work. @throws what `toHttpError` makes of its error */
async function answer<R>(work: () => Awaitable<R>): Promise<R> {
  try {
    return await work();
  } catch (error) {
    throw toHttpError(error);
  }
}
