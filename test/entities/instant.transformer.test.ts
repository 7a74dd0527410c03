import { describe, expect, it } from '@jest/globals';
import {
  instantTransformer,
  millisecondsTransformer,
} from '../../lib/entities/instant.transformer.ts';
import fc from '../support/fast-check.ts';

const INSTANT = new Date('2026-03-29T01:30:00.123Z');
const MS = 1_774_747_800_123;

/** How the drivers return a bigint: better-sqlite3 as a number, pg and mysql2 as a string. */
const DRIVERS = [
  ['a number', (ms: number) => ms],
  ['a string', (ms: number) => String(ms)],
] as const;

describe('instantTransformer', () => {
  it('writes an instant as UTC epoch milliseconds', () => {
    expect(instantTransformer.to(INSTANT)).toBe(MS);
  });

  it.each([null, undefined])('writes %p as it is', (value) => {
    expect(instantTransformer.to(value)).toBe(value);
  });

  it('passes a find operator on to TypeORM', () => {
    const condition = { type: 'lessThan', value: 5 };
    expect(instantTransformer.to(condition)).toBe(condition);
    expect(instantTransformer.to(MS)).toBe(MS);
  });

  it('refuses an Invalid Date, because stored as NULL the token would never expire', () => {
    expect(() => instantTransformer.to(new Date('soon'))).toThrow(
      new TypeError('An Invalid Date cannot be stored.'),
    );
  });

  it('reads NULL as null', () => {
    expect(instantTransformer.from(null)).toBeNull();
  });

  describe.each(DRIVERS)('with a driver that gives %s', (_, given) => {
    it('reads the instant', () => {
      expect(instantTransformer.from(given(MS))).toEqual(INSTANT);
    });

    it('reads back to the millisecond what it wrote', () => {
      fc.assert(
        fc.property(fc.date({ noInvalidDate: true }), (instant) => {
          const written = instantTransformer.to(instant) as number;
          expect(instantTransformer.from(given(written))).toEqual(instant);
        }),
      );
    });
  });
});

describe('millisecondsTransformer', () => {
  it.each([null, 0, 36_000_000])('writes %p as it is', (value) => {
    expect(millisecondsTransformer.to(value)).toBe(value);
  });

  it.each([
    [null, null],
    [36_000_000, 36_000_000],
    ['36000000', 36_000_000],
    ['0', 0],
  ])('reads %p as %p', (stored, value) => {
    expect(millisecondsTransformer.from(stored)).toBe(value);
  });
});
