import { hash } from 'node:crypto';

/** A token whose login was answered 200, and all that is known about it. */
export interface KnownToken {
  readonly raw: string;
  readonly digest: string;
  readonly user: number;
  readonly ttlMs: number;
  /** When its login was answered. */
  readonly knownAt: number;
  /** It is certainly unexpired until here, */
  expiresAfter: number;
  /** and certainly expired from here, unless a request with it is on its way. */
  expiresBefore: number;
  /** How many requests have it with them. */
  inFlight: number;
  /** How many requests that could end it were sent; from the first one on, it need not be valid. */
  endings: number;
  /** When a 204 said that it is gone. */
  revokedAt: number | null;
  /** When a 401 said so, whatever the reason. */
  refusedAt: number | null;
}

/** A request with a token, noted before it is sent. */
export interface Use {
  readonly token: KnownToken;
  readonly sentAt: number;
  /** It was over before this was sent. */
  readonly isOver: boolean;
}

/** Between what two clocks of one machine may say about one instant, in milliseconds. */
const MARGIN_MS = 20;

/** How long what was answered 503 may still happen: a COMMIT that a frozen server finds later. */
const LATE_MS = 10_000;

interface Owner {
  readonly tokens: Set<KnownToken>;
  /** Of the logoutalls that are on their way, or may yet happen. */
  logoutAlls: number;
  lastLogoutAllAt: number;
}

/**
 * Remembers what was acknowledged, and judges every answer by it. Requests overlap: whatever could
 * have happened one after the other in some order is fine, and only what could not is counted.
 */
export class Oracle {
  readonly byDigest = new Map<string, KnownToken>();
  readonly revoked: KnownToken[] = [];
  readonly acceptedAfterRevocation = new Set<KnownToken>();
  readonly acceptedAfterExpiry = new Set<KnownToken>();
  readonly acceptedAfterRefusal = new Set<KnownToken>();
  readonly refusedThoughValid = new Set<KnownToken>();
  /** What each of these findings was, in words. */
  readonly findings: string[] = [];
  readonly #owners = new Map<number, Owner>();

  /** A login of this user, sent then, was answered with this token. */
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

  /** Tokens of this user that nobody has tried to end. */
  usable(user: number): KnownToken[] {
    const now = Date.now();
    const owner = this.#owner(user);
    for (const token of owner.tokens) {
      if (token.inFlight === 0 && token.expiresBefore + 60_000 < now) owner.tokens.delete(token);
    }
    return [...owner.tokens].filter((token) => token.endings === 0 && token.expiresAfter > now);
  }

  /** Tokens that somebody has tried to end, and nobody knows with what success. */
  doubtful(user: number): KnownToken[] {
    return [...this.#owner(user).tokens].filter(({ endings }) => endings > 0);
  }

  /** Tokens of this user that are over by time alone. */
  expired(user: number): KnownToken[] {
    return [...this.#owner(user).tokens].filter((token) => isOver(token, Date.now()));
  }

  use(token: KnownToken, ends = false): Use {
    if (ends) token.endings++;
    const sentAt = Date.now();
    const use = { token, sentAt, isOver: isOver(token, sentAt) };
    token.inFlight++;
    return use;
  }

  /** The request is over, whether it was answered or not. */
  used({ token }: Use, mayHaveRefreshed: boolean): void {
    token.inFlight--;
    if (mayHaveRefreshed)
      token.expiresBefore = Math.max(token.expiresBefore, Date.now() + token.ttlMs);
  }

  /** It was answered 200; `expiry` is what the answer says, where it says so. */
  accepted({ token, sentAt, isOver: wasOver }: Use, expiry?: number): void {
    const found = (what: string, set: Set<KnownToken>): void =>
      this.#found(what, set, token, sentAt);
    if (expiry !== undefined) token.expiresAfter = Math.max(token.expiresAfter, expiry);
    if (token.revokedAt !== null && token.revokedAt < sentAt)
      found('accepted after revocation', this.acceptedAfterRevocation);
    else if (wasOver) found('accepted after expiry', this.acceptedAfterExpiry);
    else if (token.refusedAt !== null && token.refusedAt < sentAt)
      found('accepted after a refusal', this.acceptedAfterRefusal);
  }

  /** It was answered 401; `ownEndings` of the requests that could end the token are this one. */
  refused({ token, sentAt }: Use, ownEndings = 0): void {
    const now = Date.now();
    if (token.endings <= ownEndings && token.expiresAfter > now + MARGIN_MS)
      this.#found('refused though valid', this.refusedThoughValid, token, sentAt);
    token.refusedAt ??= now;
    // Counted once.
    token.endings++;
  }

  /** A logout was answered 204. */
  revokedOne({ token }: Use): void {
    this.#revoke(token, Date.now());
  }

  /** A logoutall is about to be sent. Gives what it is about. */
  beginLogoutAll(user: number): KnownToken[] {
    const owner = this.#owner(user);
    owner.logoutAlls++;
    for (const token of owner.tokens) token.endings++;
    return [...owner.tokens];
  }

  /** It was answered: with 204, all that was known when it was sent is gone. */
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
      // What gets no answer may happen later.
      setTimeout(end, LATE_MS).unref();
    }
  }

  /** What a whole look at the table says, begun and ended then. */
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
