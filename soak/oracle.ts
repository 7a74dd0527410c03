import { hash } from 'node:crypto';
import { isEvicting } from './users.ts';

/** What the answer to a login, or to a reauthentication, has told. */
export interface Login {
  readonly user: number;
  /** What the client calls the session: each another name, which a reauthentication keeps. */
  readonly name: string;
  readonly raw: string;
  readonly expiry: number;
  readonly ttlMs: number;
  readonly sentAt: number;
}

/** How an answer has told that a token is gone. */
export type Ending = 'revocation' | 'reauthentication' | 'eviction';

/** A token whose login was answered 200, with the facts that the answers so far have shown. */
export interface KnownToken {
  readonly raw: string;
  readonly digest: string;
  readonly user: number;
  readonly name: string;
  readonly ttlMs: number;
  /** When its login was answered. */
  readonly knownAt: number;
  /** Until this instant it is certainly unexpired. */
  expiresAfter: number;
  /** From this instant it is certainly expired, unless a request in flight refreshes it. */
  expiresBefore: number;
  /** How many requests with this token are in flight. */
  inFlight: number;
  /** How many requests that may end it were sent. After the first one, it need not be valid. */
  endings: number;
  /** When an answer told that it is gone. */
  revokedAt: number | null;
  endedBy: Ending | null;
  /** When it was first answered with a 401. */
  refusedAt: number | null;
}

/** A session, as the list of sessions tells of it. */
interface ListedSession {
  readonly id: string;
  readonly name: string;
  readonly current: boolean;
}

/** A request with a token, recorded before it is sent. */
export interface TokenUse {
  readonly token: KnownToken;
  readonly sentAt: number;
  /** The token was expired before the request was sent. */
  readonly isOver: boolean;
}

/** How much the clocks of two processes on one machine may differ, in milliseconds. */
const MARGIN_MS = 20;

/** How long after a 503 its write may still happen: a frozen server may do a COMMIT when it thaws. */
export const LATE_MS = 10_000;

interface Owner {
  readonly tokens: Set<KnownToken>;
  /** How many logoutalls are in flight, or may still happen. */
  logoutAlls: number;
  lastLogoutAllAt: number;
}

/**
 * Records what was acknowledged, and checks every answer against it. Requests overlap: an answer is
 * wrong only if no sequential order of the requests explains it.
 */
export class Oracle {
  readonly byDigest = new Map<string, KnownToken>();
  readonly revoked: KnownToken[] = [];
  readonly acceptedAfter: Readonly<Record<Ending, Set<KnownToken>>> = {
    revocation: new Set(),
    reauthentication: new Set(),
    eviction: new Set(),
  };
  readonly acceptedAfterExpiry = new Set<KnownToken>();
  readonly acceptedAfterRefusal = new Set<KnownToken>();
  readonly refusedThoughValid = new Set<KnownToken>();
  /** The same, of tokens of a realm whose logins evict others. */
  readonly evictedThoughValid = new Set<KnownToken>();
  /** Tokens that two requests were told to have ended, though only one can. */
  readonly endedTwice = new Set<KnownToken>();
  /** Sessions that were listed though they had ended, under another name, or to another user. */
  readonly listedWrongly = new Set<KnownToken>();
  /** Each of these findings, in words. */
  readonly findings: string[] = [];
  readonly #owners = new Map<number, Owner>();
  readonly #byPublicId = new Map<string, KnownToken>();

  /** A login was answered with a token. */
  loggedIn({ user, name, raw, expiry, ttlMs, sentAt }: Login): KnownToken {
    const owner = this.#owner(user);
    const overlaps = owner.logoutAlls > 0 || owner.lastLogoutAllAt >= sentAt;
    const token: KnownToken = {
      raw,
      digest: hash('sha512', raw, 'hex'),
      user,
      name,
      ttlMs,
      knownAt: Date.now(),
      expiresAfter: expiry,
      expiresBefore: expiry,
      inFlight: 0,
      endings: overlaps ? 1 : 0,
      revokedAt: null,
      endedBy: null,
      refusedAt: null,
    };
    owner.tokens.add(token);
    this.byDigest.set(token.digest, token);
    this.#byPublicId.set(publicIdOf(token), token);
    return token;
  }

  /** A login is about to be sent that may evict tokens of this user. */
  beginEviction(user: number, limit: number): void {
    for (const token of this.#beyond(user, limit - 1)) token.endings++;
  }

  /** The login has ended. If it was answered 200, all but the user's newest tokens are gone; these are returned. */
  endEviction(user: number, limit: number, acknowledged: boolean): KnownToken[] {
    if (!acknowledged) {
      // It may still happen, and its token be deleted again: then any token has made room for nothing.
      for (const token of this.#owner(user).tokens) token.endings++;
      return [];
    }
    const gone = this.#beyond(user, limit);
    const now = Date.now();
    for (const token of gone) this.#revoke(token, now, 'eviction');
    return gone;
  }

  /** The tokens of this user but the newest ones. Its logins come one after the other. */
  #beyond(user: number, newest: number): KnownToken[] {
    const tokens = [...this.#owner(user).tokens];
    return tokens.slice(0, Math.max(0, tokens.length - newest));
  }

  /** Unexpired tokens of this user that no request has tried to end. */
  usable(user: number): KnownToken[] {
    const now = Date.now();
    const owner = this.#owner(user);
    for (const token of owner.tokens) {
      if (token.inFlight === 0 && token.expiresBefore + 60_000 < now) owner.tokens.delete(token);
    }
    return [...owner.tokens].filter((token) => token.endings === 0 && token.expiresAfter > now);
  }

  /** Tokens that a request has tried to end, with no answer that says whether it did. */
  uncertain(user: number): KnownToken[] {
    return [...this.#owner(user).tokens].filter(({ endings }) => endings > 0);
  }

  /** Tokens of this user that have expired. */
  expired(user: number): KnownToken[] {
    return [...this.#owner(user).tokens].filter((token) => isOver(token, Date.now()));
  }

  use(token: KnownToken, ends = false): TokenUse {
    if (ends) token.endings++;
    const sentAt = Date.now();
    const use = { token, sentAt, isOver: isOver(token, sentAt) };
    token.inFlight++;
    return use;
  }

  /** The request has ended, with or without an answer. */
  used({ token }: TokenUse, mayHaveRefreshed: boolean): void {
    token.inFlight--;
    if (mayHaveRefreshed)
      token.expiresBefore = Math.max(token.expiresBefore, Date.now() + token.ttlMs);
  }

  /** It was accepted; `expiry` is the expiry that the answer tells, if it tells one. */
  accepted({ token, sentAt, isOver: wasOver }: TokenUse, expiry?: number): void {
    const found = (what: string, set: Set<KnownToken>): void =>
      this.#found(what, set, token, sentAt);
    if (expiry !== undefined) token.expiresAfter = Math.max(token.expiresAfter, expiry);
    if (token.endedBy !== null && isRevoked(token, sentAt))
      found(`accepted after ${token.endedBy}`, this.acceptedAfter[token.endedBy]);
    else if (wasOver) found('accepted after expiry', this.acceptedAfterExpiry);
    else if (token.refusedAt !== null && token.refusedAt < sentAt)
      found('accepted after a refusal', this.acceptedAfterRefusal);
  }

  /** It was answered 401. @param ownEndings 1 if the request itself may end the token */
  refused({ token, sentAt }: TokenUse, ownEndings = 0): void {
    const now = Date.now();
    if (token.endings <= ownEndings && token.expiresAfter > now + MARGIN_MS)
      this.#found('refused though valid', this.#lostTokens(token), token, sentAt);
    token.refusedAt ??= now;
    // It need not be valid from now on, so that a wrong refusal is counted once.
    token.endings++;
  }

  /** A request was told that it has ended the token. */
  ended({ token }: TokenUse, by: Ending): void {
    this.#revoke(token, Date.now(), by);
  }

  /** Several requests were told that they have ended the token, of which only one can. */
  foundEndedTwice({ token, sentAt }: TokenUse, by: readonly string[]): void {
    this.#found(`ended twice, by ${by.join(' and ')}`, this.endedTwice, token, sentAt);
  }

  /** The list of the user's sessions was answered to this request. */
  listed({ token, sentAt }: TokenUse, sessions: readonly ListedSession[]): void {
    const now = Date.now();
    const ids = new Set(sessions.map(({ id }) => id));
    for (const { id, name, current } of sessions) {
      const listed = this.#byPublicId.get(id);
      if (!listed) continue;
      const found = (what: string): void =>
        this.#found(`listed ${what}`, this.listedWrongly, listed, sentAt);
      if (listed.user !== token.user) found('to another user');
      else if (listed.name !== name) found('under another name');
      else if (current !== (listed === token)) found('as the current one, or not so');
      else if (isRevoked(listed, sentAt)) found('after it was ended');
      else if (isOver(listed, sentAt)) found('after expiry');
      else if (listed.refusedAt !== null && listed.refusedAt < sentAt) found('after a refusal');
    }
    for (const valid of this.#owner(token.user).tokens) {
      const isValid = valid.endings === 0 && valid.expiresAfter > now + MARGIN_MS;
      if (isValid && valid.knownAt < sentAt && !ids.has(publicIdOf(valid)))
        this.#found('not listed though valid', this.#lostTokens(valid), valid, sentAt);
    }
  }

  /** A logoutall is about to be sent, or a request that ends all but one. Returns the tokens that it must end. */
  beginLogoutAll(user: number, kept?: KnownToken): KnownToken[] {
    const owner = this.#owner(user);
    owner.logoutAlls++;
    const tokens = [...owner.tokens].filter((token) => token !== kept);
    for (const token of tokens) token.endings++;
    return tokens;
  }

  /** The logoutall has ended. If it was answered 204, these tokens are revoked. */
  endLogoutAll(user: number, tokens: readonly KnownToken[], acknowledged: boolean): void {
    const owner = this.#owner(user);
    const end = (): void => {
      owner.logoutAlls--;
      owner.lastLogoutAllAt = Date.now();
    };
    if (acknowledged) {
      const now = Date.now();
      end();
      for (const token of tokens) this.#revoke(token, now, 'revocation');
    } else {
      // Without an answer, it may still happen.
      setTimeout(end, LATE_MS).unref();
    }
  }

  /** Checks the digests of a read of the whole table, which began and ended at these instants. */
  compare(rows: ReadonlySet<string>, beganAt: number, endedAt: number): void {
    for (const digest of rows) {
      const token = this.byDigest.get(digest);
      if (token?.endedBy != null && isRevoked(token, beganAt)) {
        const { endedBy } = token;
        this.#found(`in the table after ${endedBy}`, this.acceptedAfter[endedBy], token, beganAt);
      }
    }
    for (const { tokens } of this.#owners.values()) {
      for (const token of tokens) {
        const isValid = token.endings === 0 && token.expiresAfter > endedAt + MARGIN_MS;
        if (isValid && token.knownAt < beganAt && !rows.has(token.digest)) {
          this.#found('not in the table though valid', this.#lostTokens(token), token, beganAt);
          token.endings++;
        }
      }
    }
  }

  #found(what: string, set: Set<KnownToken>, token: KnownToken, askedAt: number): void {
    if (set.has(token)) return;
    set.add(token);
    const now = Date.now();
    this.findings.push(
      `${what}: user ${String(token.user)}, ttl ${String(token.ttlMs)} ms, known for ` +
        `${String(now - token.knownAt)} ms, unexpired until ${String(token.expiresAfter - now)} ms ` +
        `from now, asked ${String(now - askedAt)} ms ago, at ${new Date(now).toISOString()}`,
    );
  }

  #lostTokens({ user }: KnownToken): Set<KnownToken> {
    return isEvicting(user) ? this.evictedThoughValid : this.refusedThoughValid;
  }

  #revoke(token: KnownToken, now: number, by: Ending): void {
    this.#owner(token.user).tokens.delete(token);
    if (token.revokedAt !== null) return;
    token.revokedAt = now;
    token.endedBy = by;
    this.revoked.push(token);
  }

  #owner(user: number): Owner {
    let owner = this.#owners.get(user);
    if (!owner)
      this.#owners.set(user, (owner = { tokens: new Set(), logoutAlls: 0, lastLogoutAllAt: 0 }));
    return owner;
  }
}

function isOver(token: KnownToken, now: number): boolean {
  return token.inFlight === 0 && token.expiresBefore + MARGIN_MS < now;
}

function isRevoked({ revokedAt }: KnownToken, before: number): boolean {
  return revokedAt !== null && revokedAt < before;
}

/** The id by which routes name the session. */
export const publicIdOf = ({ digest }: KnownToken): string => digest.slice(0, 32);
