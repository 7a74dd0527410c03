import { describe, expect, it } from '@jest/globals';
import { parseDuration } from '../../lib/options/duration.ts';
import fc from '../support/fast-check.ts';

const THOUSAND_YEARS = 31_557_600_000_000;

describe('parseDuration', () => {
  it.each<[number | string, number]>([
    [0, 0],
    [1, 1],
    [36_000_000, 36_000_000],
    [-1, -1],
    [THOUSAND_YEARS, THOUSAND_YEARS],
    ['0ms', 0],
    ['250ms', 250],
    ['60s', 60_000],
    ['15m', 900_000],
    ['10h', 36_000_000],
    ['30d', 2_592_000_000],
    ['2w', 1_209_600_000],
    ['10 h', 36_000_000],
    ['1.5d', 129_600_000],
    ['0.1s', 100],
    ['1.1h', 3_960_000],
    ['1.005s', 1_005],
    ['0010s', 10_000],
    ['365250d', THOUSAND_YEARS],
  ])('takes %j for %d ms', (value, ms) => {
    expect(parseDuration(value)).toBe(ms);
  });

  it.each([
    ['a number without a unit', '10'],
    ['a unit without a number', 'h'],
    ['an empty string', ''],
    ['a blank', ' '],
    ['a unit in capitals', '10H'],
    ['a unit spelt out', '10 hours'],
    ['an unknown unit', '10y'],
    ['two units', '1h30m'],
    ['two blanks', '10  h'],
    ['a blank before', ' 10h'],
    ['a line break after', '10h\n'],
    ['a minus', '-10h'],
    ['a plus', '+10h'],
    ['an exponent', '1e3s'],
    ['a hexadecimal number', '0x10s'],
    ['a comma', '1,5h'],
    ['a point with nothing before it', '.5h'],
    ['a point with nothing after it', '1.h'],
    ['digits of another script', '١٠h'],
    ['more than a thousand years', '365251d'],
    ['digits without end', `${'9'.repeat(10_000)}s`],
    ['a number over a thousand years', THOUSAND_YEARS + 1],
    ['a broken number', 1.5],
    ['NaN', Number.NaN],
    ['Infinity', Number.POSITIVE_INFINITY],
    ['less than a millisecond', '0.4ms'],
    ['parts of a millisecond', '1.0005s'],
    ['null', null],
    ['undefined', undefined],
    ['true', true],
    ['a bigint', 10n],
    ['an array', ['10h']],
    ['an object', { hours: 10 }],
    ['a Date', new Date(0)],
    ['a boxed number', Object(10)],
  ])('refuses %s', (_, value) => {
    expect(parseDuration(value)).toBeUndefined();
  });

  it('counts as many of a unit as it is told', () => {
    const units = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
    fc.assert(
      fc.property(fc.nat(50_000), fc.constantFrom(...Object.entries(units)), (n, [unit, ms]) => {
        expect(parseDuration(`${String(n)}${unit}`)).toBe(n * ms);
      }),
    );
  });

  it('gives a whole number that a Date can hold, or nothing, whatever it is given', () => {
    const likely = fc.tuple(fc.double({ min: 0 }), fc.constantFrom('ms', 's', 'd', 'w'));
    const values = fc.oneof(
      fc.anything(),
      fc.double(),
      likely.map(([n, unit]) => `${String(n)}${unit}`),
    );
    fc.assert(
      fc.property(values, (value) => {
        const ms = parseDuration(value) ?? 0;
        expect(Number.isSafeInteger(ms)).toBe(true);
        expect(new Date(ms).getTime() - ms).toBe(0);
      }),
    );
  });

  it('gives the same for a number and for the number in milliseconds', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1e15 }), (ms) => {
        expect(parseDuration(`${String(ms)}ms`)).toBe(parseDuration(ms));
      }),
      { examples: [[THOUSAND_YEARS], [THOUSAND_YEARS + 1]] },
    );
  });

  it('takes parts of a unit that are whole milliseconds, and no others', () => {
    fc.assert(
      fc.property(fc.nat(999_999), fc.nat(999_999), (whole, millionths) => {
        const text = `${String(whole)}.${String(millionths).padStart(6, '0')}s`;
        const ms = whole * 1_000 + millionths / 1_000;
        expect(parseDuration(text)).toBe(millionths % 1_000 === 0 ? ms : undefined);
      }),
      {
        examples: [
          [1, 5_000],
          [1, 500],
        ],
      },
    );
  });
});
