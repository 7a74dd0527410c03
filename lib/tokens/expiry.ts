/** The last instant that a Date can hold, in epoch milliseconds (ECMA-262, Time Values). */
export const LAST_INSTANT = 8_640_000_000_000_000;

/**
 * Whether a token of this expiry is over at `now`. At its very expiry it is. Written as a negation
 * so that an Invalid Date, whose comparisons are all false, is expired and not eternal.
 */
export function isExpired(expiry: Date | null, now: number): boolean {
  return expiry !== null && !(expiry.getTime() > now);
}

/** The expiry of a token made at `now`; null, of one that never expires. */
export function expiryFrom(now: number, ttl: number | null): Date | null {
  return ttl === null ? null : new Date(now + ttl);
}

/** What a refresh needs to know; durations in milliseconds. */
export interface RefreshPolicy {
  readonly autoRefresh: boolean;
  readonly tokenTtl: number | null;
  readonly autoRefreshMaxTtl: number | null;
  readonly minRefreshInterval: number;
}

/** The instants of a token that a refresh looks at; `ttl` is its own, or null for the option's. */
export interface TokenLifetime {
  readonly created: Date;
  readonly expiry: Date | null;
  readonly ttl: number | null;
}

/**
 * The expiry that using the token at `now` moves it to, or null where it stays: refreshing is off,
 * the token never expires, or the gain is not worth a write.
 *
 * @see knox/auth.py, renew_token
 */
export function nextExpiry(token: TokenLifetime, now: number, rules: RefreshPolicy): Date | null {
  const ttl = token.ttl ?? rules.tokenTtl;
  if (!rules.autoRefresh || token.expiry === null || ttl === null) return null;
  const bound =
    rules.autoRefreshMaxTtl === null
      ? Number.POSITIVE_INFINITY
      : token.created.getTime() + rules.autoRefreshMaxTtl;
  const expiry = Math.min(now + ttl, bound);
  return expiry - token.expiry.getTime() > rules.minRefreshInterval ? new Date(expiry) : null;
}
