import type { Deadline } from '../async/deadline.ts';
import type { Operation } from '../async/operation.ts';
import type { AbstractAuthToken } from '../entities/abstract-auth-token.entity.ts';
import type { EventPublisher } from '../events/event.publisher.ts';
import { logFault } from '../events/fault.log.ts';
import { TokenRefreshedEvent } from '../events/knox.events.ts';
import type { KnoxSettings } from '../options/runtime-options.ts';
import { privateSlot } from '../requests/private-slot.ts';
import type { TokenStore } from '../store/token.store.ts';
import { isExpired, nextExpiry } from '../tokens/expiry.ts';
import { digestOf, isWellFormedToken } from '../tokens/token.ts';
import type { LastUsedWriter } from './last-used.writer.ts';
import { digestOfAny } from './token.digest.ts';
import type { TokenRevoker } from './token.revoker.ts';
import type { UserStatus } from './user-status.ts';

/** A token that is good, and the user it belongs to. */
export interface Authenticated<Token extends AbstractAuthToken = AbstractAuthToken> {
  readonly user: Token['user'];
  readonly authToken: Token;
}

/** What the database says about a raw token: it is good, or why it is refused. */
export type Verdict<Token extends AbstractAuthToken> =
  ({ readonly ok: true } & Authenticated<Token>) | Refusal<Token>;

interface Refusal<Token> {
  readonly ok: false;
  readonly code: 'invalid_token' | 'user_inactive';
  /** The token that was presented, if there is one. */
  readonly authToken: Token | null;
}

/** What the database says about a token that was good before. */
export type Recheck =
  | { readonly ok: true; readonly expiry: Date | null }
  | { readonly ok: false; readonly code: 'invalid_token' | 'user_inactive' };

/** What a user was loaded for. */
interface Origin {
  readonly deadline: Deadline;
  readonly isForRequest: boolean;
}

/** Gives the verdict on a raw token. What it throws is no verdict, but a fault. */
export class TokenAuthenticator<Token extends AbstractAuthToken> {
  readonly #settings: KnoxSettings;
  readonly #store: TokenStore<Token>;
  readonly #userStatus: UserStatus;
  readonly #revoker: TokenRevoker<Token>;
  readonly #events: EventPublisher;
  readonly #lastUsed: LastUsedWriter<Token>;
  readonly #origins = privateSlot<Origin>();
  readonly #refreshed = new WeakSet<Token>();

  constructor(
    settings: KnoxSettings,
    store: TokenStore<Token>,
    userStatus: UserStatus,
    revoker: TokenRevoker<Token>,
    events: EventPublisher,
    lastUsed: LastUsedWriter<Token>,
  ) {
    this.#settings = settings;
    this.#store = store;
    this.#userStatus = userStatus;
    this.#revoker = revoker;
    this.#events = events;
    this.#lastUsed = lastUsed;
  }

  /**
   * Asks the database for the token; nothing is cached.
   *
   * @see knox/auth.py, authenticate_credentials
   */
  async authenticate(token: string, op: Operation): Promise<Verdict<Token>> {
    if (!isWellFormedToken(token)) return refusal('invalid_token', null);
    const digest = digestOf(token, this.#settings.hashAlgorithm);
    const authToken = await this.#find(digest, op);
    // Compare again: a database may ignore case or trailing spaces.
    if (authToken?.digest !== digest) return refusal('invalid_token', null);
    const now = Date.now();
    if (isExpired(authToken.expiry, now)) {
      await this.#revoker.deleteExpiredOf(authToken, op);
      return refusal('invalid_token', authToken);
    }
    const user = authToken.user as Token['user'] | null;
    if (user === null) return refusal('user_inactive', authToken);
    const isActive = this.#userStatus.isActive(user);
    if (isActive !== true && !(isActive && (await op.race(isActive)))) {
      return refusal('user_inactive', authToken);
    }
    const expiry = nextExpiry(authToken, now, this.#settings);
    if (expiry) await this.#refresh(authToken, expiry, op);
    this.#lastUsed.note(authToken, op);
    this.#origins.set(user, { deadline: op.deadline, isForRequest: op.isForRequest });
    return { ok: true, user, authToken };
  }

  /**
   * Asks again for a token that was good: the same verdict as a request would get, but nothing is written and no event is
   * sent.
   */
  async recheck(digest: string, op: Operation): Promise<Recheck> {
    const askedAt = Date.now();
    const status = await this.#store.check(digest, op);
    if (status?.digest !== digest) return refusal('invalid_token', null);
    const { expiry, user } = status;
    if (isExpired(expiry, Date.now())) {
      // Another request may have refreshed it after the statement, which was sent before it expired.
      if (!isExpired(expiry, askedAt)) return this.recheck(digest, op);
      return refusal('invalid_token', null);
    }
    if (user === null) return refusal('user_inactive', null);
    const isActive = this.#userStatus.isActive(user);
    if (isActive !== true && !(isActive && (await op.race(isActive)))) {
      return refusal('user_inactive', null);
    }
    return { ok: true, expiry };
  }

  /**
   * Moves the expiry of a token forward by the rules of `autoRefresh`, whether that is on or not.
   *
   * @returns the token as it is then, or null if it is gone or expired
   */
  async refresh(tokenOrAuthToken: string | Token, op: Operation): Promise<Token | null> {
    const { hashAlgorithm, minRefreshInterval } = this.#settings;
    const digest = digestOfAny(tokenOrAuthToken, this.#store.tokenEntity, hashAlgorithm);
    const authToken = digest === null ? null : await this.#findUnexpired(digest, op);
    if (digest === null || authToken === null) return null;
    const expiry = nextExpiry(authToken, Date.now(), { ...this.#settings, autoRefresh: true });
    if (expiry === null) return authToken;
    const isWritten = await this.#store.refresh(
      authToken,
      expiry.getTime(),
      minRefreshInterval,
      op,
    );
    // Another request may have refreshed it, or revoked it.
    if (!isWritten) return this.#findUnexpired(digest, op);
    authToken.expiry = expiry;
    this.#events.publish(TokenRefreshedEvent, op, authToken.user, authToken);
    return authToken;
  }

  /** Whether `authenticate` has moved the expiry of the token that it gave. */
  wasRefreshed(authToken: Token): boolean {
    return this.#refreshed.has(authToken);
  }

  /** Nothing but the very token that has this digest. */
  async #findUnexpired(digest: string, op: Operation): Promise<Token | null> {
    const authToken = await this.#find(digest, op);
    return authToken?.digest === digest && !isExpired(authToken.expiry, Date.now())
      ? authToken
      : null;
  }

  /**
   * Whether this very object was loaded with a token for this request, and not found by other credentials. What
   * TokenService loads is for no request: then it counts whether that was after the login had begun.
   *
   * @param since when the login began, on the clock of `performance.now()`
   */
  cameFromToken(user: object, op: Operation, since: number): boolean {
    const origin = this.#origins.get(user);
    if (!origin) return false;
    const { deadline, isForRequest } = origin;
    return isForRequest ? deadline === op.deadline : deadline.startedAt >= since;
  }

  /**
   * The token. Under autoRefresh it is looked up again if it expired between the statement and now, because
   * another request may have refreshed it meanwhile.
   */
  #find(digest: string, op: Operation): Promise<Token | null> {
    const found = this.#store.find(digest, op);
    if (!this.#settings.autoRefresh) return found;
    const askedAt = Date.now();
    return found.then((authToken) => {
      const expiry = authToken?.expiry ?? null;
      const expiredMeanwhile = isExpired(expiry, Date.now()) && !isExpired(expiry, askedAt);
      return expiredMeanwhile ? this.#find(digest, op) : authToken;
    });
  }

  /** A refresh that fails is logged only: the token is good. */
  async #refresh(authToken: Token, expiry: Date, op: Operation): Promise<void> {
    const { minRefreshInterval } = this.#settings;
    try {
      const isWritten = await this.#store.refresh(
        authToken,
        expiry.getTime(),
        minRefreshInterval,
        op,
      );
      if (!isWritten) return;
      authToken.expiry = expiry;
      this.#refreshed.add(authToken);
      this.#events.publish(TokenRefreshedEvent, op, authToken.user, authToken);
    } catch (error) {
      logFault('A token could not be refreshed', error);
    }
  }
}

function refusal<Token>(code: Refusal<Token>['code'], authToken: Token | null): Refusal<Token> {
  return { ok: false, code, authToken };
}
