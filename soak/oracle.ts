import { hash } from 'node:crypto';

/** A token whose login was answered 200, with the facts that the answers so far have shown. */
export interface KnownToken {
  readonly raw: string;
  readonly digest: string;
  readonly user: number;
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
  /** When a 204 acknowledged its revocation. */
  revokedAt: number | null;
  /** When it was first answered with a 401. */
  refusedAt: number | null;
}

/** A request with a token, recorded before it is sent. */
interface TokenUse {
  readonly token: KnownToken;
  readonly sentAt: number;
  /** The token was expired before the request was sent. */
  readonly isOver: boolean;
}

/** How much the clocks of two processes on one machine may differ, in milliseconds. */
const MARGIN_MS = 20;

/** How long after a 503 its write may still happen: a frozen server may do a COMMIT when it thaws. */
const LATE_MS = 10_000;

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
  readonly acceptedAfterRevocation = new Set<KnownToken>();
  readonly acceptedAfterExpiry = new Set<KnownToken>();
  readonly acceptedAfterRefusal = new Set<KnownToken>();
  readonly refusedThoughValid = new Set<KnownToken>();
  /** Each of these findings, in words. */
  readonly findings: string[] = [];
  readonly #owners = new Map<number, Owner>();

  /** A login of this user, sent at `sentAt`, was answered with this token. */
  loggedIn(user: number, raw: string, expiry: number, ttlMs: number, sentAt: number): KnownToken {
    const owner = this.#owner(user);
    const overlaps = owner.logoutAlls > 0 || owner.lastLogoutAllAt >= sentAt;
    const token: KnownToken = {
      raw,
      digest: hash('sha512', raw, 'hex'),
      user,
      ttlMs,
      knownAt: Date.now(),
      expiresAfter: expiry,
      expiresBefore: expiry,
      inFlight: 0,
      endings: overlaps ? 1 : 0,
      revokedAt: null,
      refusedAt: null,
    };
    owner.tokens.add(token);
    this.byDigest.set(token.digest, token);
    return token;
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
    if (token.revokedAt !== null && token.revokedAt < sentAt)
      found('accepted after revocation', this.acceptedAfterRevocation);
    else if (wasOver) found('accepted after expiry', this.acceptedAfterExpiry);
    else if (token.refusedAt !== null && token.refusedAt < sentAt)
      found('accepted after a refusal', this.acceptedAfterRefusal);
  }

  /** It was answered 401. @param ownEndings 1 if the request itself may end the token */
  refused({ token, sentAt }: TokenUse, ownEndings = 0): void {
    const now = Date.now();
    if (token.endings <= ownEndings && token.expiresAfter > now + MARGIN_MS)
      this.#found('refused though valid', this.refusedThoughValid, token, sentAt);
    token.refusedAt ??= now;
    // It need not be valid from now on, so that a wrong refusal is counted once.
    token.endings++;
  }

  /** A logout was answered 204. */
  revokedOne({ token }: TokenUse): void {
    this.#revoke(token, Date.now());
  }

  /** A logoutall is about to be sent. Returns the tokens that it must end. */
  beginLogoutAll(user: number): KnownToken[] {
    const owner = this.#owner(user);
    owner.logoutAlls++;
    for (const token of owner.tokens) token.endings++;
    return [...owner.tokens];
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
      for (const token of tokens) this.#revoke(token, now);
    } else {
      // Without an answer, it may still happen.
      setTimeout(end, LATE_MS).unref();
    }
  }

  /** Checks the digests of a read of the whole table, which began and ended at these instants. */
  compare(rows: ReadonlySet<string>, beganAt: number, endedAt: number): void {
    for (const digest of rows) {
      const token = this.byDigest.get(digest);
      if (token?.revokedAt != null && token.revokedAt < beganAt)
        this.#found('in the table after revocation', this.acceptedAfterRevocation, token, beganAt);
    }
    for (const { tokens } of this.#owners.values()) {
      for (const token of tokens) {
        const isValid = token.endings === 0 && token.expiresAfter > endedAt + MARGIN_MS;
        if (isValid && token.knownAt < beganAt && !rows.has(token.digest)) {
          this.#found('not in the table though valid', this.refusedThoughValid, token, beganAt);
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

  #revoke(token: KnownToken, now: number): void {
    this.#owner(token.user).tokens.delete(token);
    if (token.revokedAt !== null) return;
    token.revokedAt = now;
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
