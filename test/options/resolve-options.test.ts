import { describe, expect, it } from '@jest/globals';
import { KnoxConfigError, describeKind } from '../../lib/errors/knox-config.error.ts';
import { resolveOptions } from '../../lib/options/resolve-options.ts';
import fc from '../support/fast-check.ts';
import { KINDS, OPTIONS, SECRET } from './options.table.ts';

const resolve = (options: object) => resolveOptions(options);

function refusal(options: object): KnoxConfigError {
  try {
    resolve(options);
  } catch (error) {
    if (error instanceof KnoxConfigError) return error;
    throw error;
  }
  throw new Error(`Nothing was thrown for ${Object.keys(options).join()}.`);
}

/** All parts of an error that a log may show. */
const printed = (error: KnoxConfigError): string =>
  [String(error), error.stack, JSON.stringify(Object.entries(error))].join();

/** How a message shows a wrong duration of the table. */
function shownDuration(value: unknown): string {
  const kind = describeKind(value);
  if (typeof value === 'number' && kind !== 'NaN') return `${kind}, ${String(value)}`;
  if (typeof value !== 'string' || !/^-?\d/.test(value)) return kind;
  return `${kind}${/^\d+$/.test(value) ? ' without a unit' : ''}, '${value}'`;
}

const DEFAULTS = Object.fromEntries(OPTIONS.map((option) => [option.name, option.default]));

describe('resolveOptions', () => {
  it('gives every option its default, and has no further option', () => {
    expect(resolve({})).toEqual(DEFAULTS);
  });

  it('takes undefined for an option that is not given', () => {
    expect(resolve(Object.fromEntries(OPTIONS.map(({ name }) => [name, undefined])))).toEqual(
      DEFAULTS,
    );
  });

  it('writes the expiry in ISO 8601, UTC, or null, by default', () => {
    const { formatExpiry } = resolve({});
    expect(formatExpiry(new Date('2026-01-31T13:30:00.250+01:00'))).toBe(
      '2026-01-31T12:30:00.250Z',
    );
    expect(formatExpiry(null)).toBeNull();
  });

  describe.each(OPTIONS)('with $name', ({ name, remedy, good, bad, kinds }) => {
    it.each(good)('takes %p', (value, setting) => {
      expect(resolve({ [name]: value })).toEqual({ ...DEFAULTS, [name]: setting });
    });

    if (bad.length > 0) {
      it.each(bad)('refuses %s', (_, value) => {
        const kind = remedy.includes('milliseconds') ? shownDuration(value) : describeKind(value);
        expect(refusal({ [name]: value }).message).toBe(
          `KnoxModule option "${name}": expected ${remedy}; got ${kind}.`,
        );
      });
    }

    it.each(KINDS.filter(([kind]) => !kinds.includes(kind)))(
      'refuses %s, says what it is and what is expected, and prints nothing of it',
      (kind, value) => {
        const error = refusal({ [name]: value });
        const shown = remedy.includes('milliseconds') ? shownDuration(value) : kind;
        expect(error.message).toBe(
          `KnoxModule option "${name}": expected ${remedy}; got ${shown}.`,
        );
        expect(Object.fromEntries(Object.entries(error))).toEqual({
          name: 'KnoxConfigError',
          code: 'knox_config',
          option: name,
        });
        expect(printed(error)).not.toContain(SECRET);
      },
    );
  });

  it.each(['10 hours', '10H', '-5m', '1,5h', '1h30m', '1 h 30 m', '3 fortnights', '90'])(
    'shows the text of a duration that it refuses: %s',
    (text) => {
      const { message } = refusal({ tokenTtl: text });
      expect(message).toMatch(new RegExp(`; got a string(?: without a unit)?, '${text}'\\.$`));
    },
  );

  it('shows no text of a duration that may be a secret', () => {
    for (const text of [SECRET, `1${SECRET}`, `10 ${SECRET}`, '1'.repeat(16), '1a2b3c4d5e6f']) {
      expect(refusal({ tokenTtl: text }).message).toMatch(/; got a string\.$/);
    }
  });

  it('refuses one field for both credentials', () => {
    const message =
      'KnoxModule option "passwordField": expected another field than usernameField; got a string ' +
      'that is the same.';
    expect(refusal({ usernameField: 'login', passwordField: 'login' }).message).toBe(message);
    expect(refusal({ usernameField: 'password' }).message).toBe(message);
  });

  describe('with an unknown option', () => {
    it('says which there are, and prints nothing of the value', () => {
      const error = refusal({ tokenTimeToLive: SECRET });
      expect(error.message).toBe(
        'KnoxModule option "tokenTimeToLive": there is no such option; remove it; there are ' +
          `${OPTIONS.map(({ name }) => name).join(', ')}.`,
      );
      expect(error.option).toBe('tokenTimeToLive');
      expect(printed(error)).not.toContain(SECRET);
    });

    it.each([
      ['tokenTTL', 'tokenTtl'],
      ['TokenPrefix', 'tokenPrefix'],
      ['autorefresh', 'autoRefresh'],
    ])('finds what %s was meant to be', (wrong, meant) => {
      expect(refusal({ [wrong]: 42 }).message).toBe(
        `KnoxModule option "${wrong}": there is no such option; write "${meant}".`,
      );
    });

    it.each(['constructor', 'toString', 'hasOwnProperty'])(
      'does not take what every object inherits for one: %s',
      (name) => {
        expect(refusal({ [name]: SECRET }).option).toBe(name);
      },
    );

    it('sees one named __proto__', () => {
      const options = JSON.parse('{"__proto__": {"autoRefresh": true}}') as object;
      expect(refusal(options).option).toBe('__proto__');
    });
  });

  it('gives settings that cannot be changed, not even through the caller’s array', () => {
    const userRelations = ['roles'];
    const settings = resolve({ userRelations });
    userRelations.push('team');
    expect(settings.userRelations).toEqual(['roles']);
    expect(Object.isFrozen(settings)).toBe(true);
  });

  it('gives settings for any value, or throws a KnoxConfigError that prints nothing of it', () => {
    const names = fc.constantFrom(...OPTIONS.map(({ name }) => name), 'other');
    const value = fc.oneof(
      fc.anything(),
      fc.string().map((text) => text + SECRET),
    );
    fc.assert(
      fc.property(names, value, (name, given) => {
        let settings: object;
        try {
          settings = resolve({ [name]: given });
        } catch (error) {
          expect(error).toBeInstanceOf(KnoxConfigError);
          expect((error as KnoxConfigError).option).toBe(name);
          expect(printed(error as KnoxConfigError)).not.toContain(SECRET);
          return;
        }
        expect(Object.keys(settings).sort()).toEqual(Object.keys(DEFAULTS).sort());
      }),
      { numRuns: 1_000 },
    );
  });
});
