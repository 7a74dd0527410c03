import { describe, expect, it } from '@jest/globals';
import fc from '../support/fast-check.ts';
import {
  expiryFrom,
  isExpired,
  nextExpiry,
  type TokenLifetime,
  type RefreshPolicy,
} from '../../lib/tokens/expiry.ts';

const NOW = Date.UTC(2026, 0, 31, 12);
const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const instants = fc.integer({ min: 0, max: 4_000_000_000_000 });
const durations = fc.integer({ min: 0, max: 100_000_000_000 });

describe('isExpired', () => {
  it.each([
    ['is not, a millisecond before its expiry', new Date(NOW + 1), false],
    ['is, at its very expiry', new Date(NOW), true],
    ['is, after it', new Date(NOW - 1), true],
    ['is not, ever, without one', null, false],
    ['is, where the expiry is an Invalid Date', new Date(Number.NaN), true],
  ])('%s', (_, expiry, expired) => {
    expect(isExpired(expiry, NOW)).toBe(expired);
  });

  it('stays so for ever', () => {
    fc.assert(
      fc.property(instants, instants, durations, (expiry, now, later) => {
        fc.pre(isExpired(new Date(expiry), now));
        expect(isExpired(new Date(expiry), now + later)).toBe(true);
      }),
    );
  });
});

describe('expiryAfter', () => {
  it('is now and the TTL', () => {
    expect(expiryFrom(NOW, 10 * HOUR)).toEqual(new Date('2026-01-31T22:00:00.000Z'));
  });

  it('is null for a token that never expires', () => {
    expect(expiryFrom(NOW, null)).toBeNull();
  });

  it('lets a token live for its TTL to the millisecond', () => {
    fc.assert(
      fc.property(instants, fc.integer({ min: 1, max: 100_000_000_000 }), (now, ttl) => {
        const expiry = expiryFrom(now, ttl);
        expect(isExpired(expiry, now + ttl - 1)).toBe(false);
        expect(isExpired(expiry, now + ttl)).toBe(true);
      }),
    );
  });

  it('makes a token of no TTL that is expired at once', () => {
    expect(isExpired(expiryFrom(NOW, 0), NOW)).toBe(true);
  });
});

describe('refreshedExpiry', () => {
  const RULES: RefreshPolicy = {
    autoRefresh: true,
    tokenTtl: 10 * HOUR,
    autoRefreshMaxTtl: null,
    minRefreshInterval: MINUTE,
  };
  const HOUR_OLD: TokenLifetime = {
    created: new Date(NOW - HOUR),
    expiry: new Date(NOW + 9 * HOUR),
    ttl: null,
  };
  const refresh = (token: Partial<TokenLifetime> = {}, rules: Partial<RefreshPolicy> = {}) =>
    nextExpiry({ ...HOUR_OLD, ...token }, NOW, { ...RULES, ...rules });

  it('is now and the TTL of the option', () => {
    expect(refresh()).toEqual(new Date(NOW + 10 * HOUR));
  });

  it('is now and the token’s own TTL, where it has one', () => {
    expect(refresh({ expiry: new Date(NOW + HOUR), ttl: 3 * HOUR })).toEqual(
      new Date(NOW + 3 * HOUR),
    );
    const forever = { tokenTtl: null };
    expect(refresh({ expiry: new Date(NOW + HOUR), ttl: 3 * HOUR }, forever)).toEqual(
      new Date(NOW + 3 * HOUR),
    );
  });

  it.each<[string, Partial<TokenLifetime>, Partial<RefreshPolicy>]>([
    ['autoRefresh is off', {}, { autoRefresh: false }],
    ['the token never expires', { expiry: null }, {}],
    ['new tokens never expire', {}, { tokenTtl: null }],
    ['the option’s TTL was made shorter', {}, { tokenTtl: HOUR }],
    ['the longest life is used up', {}, { autoRefreshMaxTtl: HOUR }],
    ['the longest life is reached already', {}, { autoRefreshMaxTtl: 10 * HOUR }],
  ])('is null where %s', (_, token, rules) => {
    expect(refresh(token, rules)).toBeNull();
  });

  it.each([
    ['no more than minRefreshInterval', MINUTE, null],
    ['a millisecond more', MINUTE + 1, new Date(NOW + 10 * HOUR)],
  ])('is worth a write or not: a gain of %s', (_, gain, expected) => {
    expect(refresh({ expiry: new Date(NOW + 10 * HOUR - gain) })).toEqual(expected);
  });

  it('takes any gain, but not none, where minRefreshInterval is 0', () => {
    const always = { minRefreshInterval: 0 };
    expect(refresh({ expiry: new Date(NOW + 10 * HOUR - 1) }, always)).toEqual(
      new Date(NOW + 10 * HOUR),
    );
    expect(refresh({ expiry: new Date(NOW + 10 * HOUR) }, always)).toBeNull();
  });

  it('stops at created and autoRefreshMaxTtl', () => {
    expect(refresh({}, { autoRefreshMaxTtl: 10.5 * HOUR })).toEqual(new Date(NOW + 9.5 * HOUR));
  });

  it('gains more than minRefreshInterval and oversteps neither bound, or is null', () => {
    fc.assert(
      fc.property(
        fc.record({ created: instants, age: durations, left: durations }),
        fc.option(durations),
        fc.record({
          tokenTtl: fc.option(durations),
          autoRefreshMaxTtl: fc.option(durations),
          minRefreshInterval: durations,
        }),
        ({ created, age, left }, ttl, options) => {
          const now = created + age;
          const token = { created: new Date(created), expiry: new Date(now + left), ttl };
          const expiry = nextExpiry(token, now, { autoRefresh: true, ...options });
          if (expiry === null) return;
          const { autoRefreshMaxTtl, minRefreshInterval, tokenTtl } = options;
          expect(expiry.getTime() - (now + left)).toBeGreaterThan(minRefreshInterval);
          expect(expiry.getTime()).toBeLessThanOrEqual(now + (ttl ?? tokenTtl ?? Number.NaN));
          expect(expiry.getTime()).toBeLessThanOrEqual(
            created + (autoRefreshMaxTtl ?? Number.POSITIVE_INFINITY),
          );
        },
      ),
    );
  });

  it('moves nothing more at the same moment, once it has been moved', () => {
    fc.assert(
      fc.property(instants, durations, durations, durations, (created, age, left, tokenTtl) => {
        const now = created + age;
        const rules = { ...RULES, tokenTtl };
        const token = { created: new Date(created), expiry: new Date(now + left), ttl: null };
        const expiry = nextExpiry(token, now, rules) ?? token.expiry;
        expect(nextExpiry({ ...token, expiry }, now, rules)).toBeNull();
      }),
    );
  });
});

describe('a corrupt instant', () => {
  it('is an expired token, or one that is not refreshed, but never one that lives for ever', () => {
    const corrupt = fc.constantFrom(Number.NaN, Infinity, -Infinity, 8.64e15 + 1);
    fc.assert(
      fc.property(corrupt, instants, durations, (instant, now, ttl) => {
        expect(isExpired(new Date(instant), now)).toBe(true);
        const rules = {
          autoRefresh: true,
          tokenTtl: ttl,
          autoRefreshMaxTtl: ttl,
          minRefreshInterval: 0,
        };
        const [bad, good] = [new Date(instant), new Date(now)];
        for (const token of [
          { created: bad, expiry: good, ttl: null },
          { created: good, expiry: bad, ttl: null },
        ]) {
          expect(nextExpiry(token, now, rules)).toBeNull();
        }
      }),
    );
  });
});
