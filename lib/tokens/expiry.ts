/** The last instant that a Date can hold, in epoch milliseconds (ECMA-262, Time Values). */
export const LAST_INSTANT = 8_640_000_000_000_000;

/**
 * Whether a token of this expiry has expired. Expired when `now` equals the expiry. It is a negation, because all
 * comparisons with an Invalid Date are false: a corrupt expiry must not make a token valid for ever.
 */
export function isExpired(expiry: Date | null, now: number): boolean {
  return expiry !== null && !(expiry.getTime() > now);
}

/** The expiry of a token made at `now`, or null if it never expires. */
export function expiryFrom(now: number, ttl: number | null): Date | null {
  return ttl === null ? null : new Date(now + ttl);
}

/** The options that a refresh goes by; durations in milliseconds. */
export interface RefreshPolicy {
  readonly autoRefresh: boolean;
  readonly tokenTtl: number | null;
  readonly autoRefreshMaxTtl: number | null;
  readonly minRefreshInterval: number;
}

/** The instants of a token that a refresh looks at. `ttl` is its own in milliseconds, or null for the option's. */
export interface TokenLifetime {
  readonly created: Date;
  readonly expiry: Date | null;
  readonly ttl: number | null;
}

/**
 * The new expiry of a token that is used at `now`. Null if it stays: refreshing is off, the token never expires, or
 * the gain is not worth a write.
 *
 * @see knox/auth.py, renew_token
 */
export function nextExpiry(token: TokenLifetime, now: number, policy: RefreshPolicy): Date | null {
  const ttl = token.ttl ?? policy.tokenTtl;
  if (!policy.autoRefresh || token.expiry === null || ttl === null) return null;
  const bound =
    policy.autoRefreshMaxTtl === null
      ? Number.POSITIVE_INFINITY
      : token.created.getTime() + policy.autoRefreshMaxTtl;
  const expiry = Math.min(now + ttl, bound);
  return expiry - token.expiry.getTime() > policy.minRefreshInterval ? new Date(expiry) : null;
}
