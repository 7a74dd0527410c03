import { expect } from '@jest/globals';
import type { KnoxRuntimeOptions } from '../../lib/options/runtime-options.ts';

/** The documentation of one runtime option. */
interface DocumentedOption {
  readonly name: keyof KnoxRuntimeOptions;
  readonly default: unknown;
  /** The accepted values, as an error message describes them. */
  readonly remedy: string;
  /** Accepted values, each with the setting that results. */
  readonly good: readonly [value: unknown, setting: unknown][];
  /** Values of the right kind that are refused. */
  readonly bad: readonly [what: string, value: unknown][];
  /** The kinds of values (see KINDS) of which some are accepted. */
  readonly kinds: readonly string[];
}

/** A value of each kind. All that an error could print of them is SECRET. */
export const SECRET = 's3cret';
export const KINDS: readonly [kind: string, value: unknown][] = [
  ['null', null],
  ['a boolean', true],
  ['a number', 42.5],
  ['NaN', Number.NaN],
  ['a bigint', 42n],
  ['a string', `${SECRET} string`],
  ['an empty string', ''],
  ['an array', [[SECRET]]],
  ['an empty array', []],
  ['an object', { [SECRET]: SECRET }],
  ['a function', () => SECRET],
  ['a symbol', Symbol(SECRET)],
];

const hook = () => null;
const same = (...values: unknown[]) => values.map((value): [unknown, unknown] => [value, value]);

const DURATION =
  "a whole number of milliseconds, or a string with its unit (ms, s, m, h, d, w) such as '10h'; at most 1000 years";
const NO_DURATION: readonly [string, unknown][] = [
  ['a string without a unit', '36000000'],
  ['a negative number', -1],
  ['Infinity', Number.POSITIVE_INFINITY],
  ['more than a thousand years', 31_557_600_000_001],
];
const NO_LENGTH: readonly [string, unknown][] = [...NO_DURATION, ['zero', 0], ['zero', '0h']];

const fieldName = (name: 'usernameField' | 'passwordField', initial: string): DocumentedOption => ({
  name,
  default: initial,
  remedy: "the name of a JSON field, not '__proto__'",
  good: same(initial, 'email', 'pin-code', 'constructor'),
  bad: [['a field that sets the prototype', '__proto__']],
  kinds: ['a string'],
});

/** What the option `cookie` is by default, if it is on. */
export const COOKIE = {
  name: '__Host-Http-session',
  sameSite: 'strict',
  secure: true,
  path: '/',
  domain: null,
  persistent: true,
  trustedOrigins: [],
} as const;

/** The table of runtime options, row by row. */
export const OPTIONS: readonly DocumentedOption[] = [
  {
    name: 'verifyCredentials',
    default: null,
    remedy: 'a function',
    good: same(hook),
    bad: [],
    kinds: ['a function'],
  },
  fieldName('usernameField', 'username'),
  fieldName('passwordField', 'password'),
  {
    name: 'tokenTtl',
    default: 36_000_000,
    remedy: `${DURATION}, more than 0; or null`,
    good: [
      [1, 1],
      ['10h', 36_000_000],
      ['30d', 2_592_000_000],
      [null, null],
    ],
    bad: NO_LENGTH,
    kinds: ['null'],
  },
  {
    name: 'autoRefresh',
    default: false,
    remedy: 'true or false',
    good: same(true, false),
    bad: [
      ['a string that says true', 'true'],
      ['1', 1],
    ],
    kinds: ['a boolean'],
  },
  {
    name: 'autoRefreshMaxTtl',
    default: null,
    remedy: `${DURATION}, more than 0; or null`,
    good: [
      [1, 1],
      ['30d', 2_592_000_000],
      [null, null],
    ],
    bad: NO_LENGTH,
    kinds: ['null'],
  },
  {
    name: 'minRefreshInterval',
    default: 60_000,
    remedy: `${DURATION}, not negative`,
    good: [
      [0, 0],
      ['0s', 0],
      ['60s', 60_000],
      [1_500, 1_500],
    ],
    bad: NO_DURATION,
    kinds: [],
  },
  {
    name: 'tokenLimitPerUser',
    default: null,
    remedy: 'a whole number, 1 or more; or null',
    good: same(1, 10, 1_000_000, null),
    bad: [
      ['zero', 0],
      ['a negative number', -1],
      ['Infinity', Number.POSITIVE_INFINITY],
      ['a string', '5'],
    ],
    kinds: ['null'],
  },
  {
    name: 'tokenLimitPolicy',
    default: 'reject',
    remedy: 'one of reject, evict-oldest, evict-least-used',
    good: same('reject', 'evict-oldest', 'evict-least-used'),
    bad: ['evict', 'Reject', 'evict-newest', 'toString'].map((value): [string, unknown] => [
      value,
      value,
    ]),
    kinds: [],
  },
  {
    name: 'tokenPrefix',
    default: '',
    remedy: 'at most 10 letters, digits, "_" or "-"',
    good: same('', 'T', 'TEST_', 'a-b_c-d_09'),
    bad: [
      ['11 characters', 'abcdefghijk'],
      ['a dot', 'a.b'],
      ['an accent', 'é'],
    ],
    kinds: ['an empty string'],
  },
  {
    name: 'tokenLength',
    default: 64,
    remedy: 'an even number from 48 to 256',
    good: same(48, 50, 64, 256),
    bad: [
      ['too short', 46],
      ['too long', 258],
      ['odd', 65],
      ['a string', '64'],
    ],
    kinds: [],
  },
  {
    name: 'hashAlgorithm',
    default: 'sha512',
    remedy: 'one of sha256, sha384, sha512, sha3-256, sha3-384, sha3-512, blake2b512',
    good: same('sha256', 'sha384', 'sha512', 'sha3-256', 'sha3-384', 'sha3-512', 'blake2b512'),
    bad: [
      'md5',
      'sha1',
      'SHA512',
      'sha-512',
      'RSA-SHA512',
      'shake256',
      'ripemd160',
      'md5-sha1',
      '1.3.14.3.2.26',
      'toString',
    ].map((value): [string, unknown] => [value, value]),
    kinds: [],
  },
  {
    name: 'authHeaderPrefix',
    default: 'Token',
    remedy:
      "one word of letters and digits such as 'Bearer', and not 'Basic', which the login reads",
    good: same('Token', 'Bearer', 'X-Api_Key', 'a.b'),
    bad: [
      ['Basic', 'Basic'],
      ['Basic in another case', 'bAsIC'],
      ['two words', 'Api Token'],
      ['a blank', 'Token '],
      ['a line break', 'Token\r\nX: y'],
      ['a quotation mark', 'To"ken'],
      ['a comma', 'a,b'],
      ['an accent', 'é'],
    ],
    kinds: [],
  },
  {
    name: 'userSerializer',
    default: null,
    remedy: 'a function, or null',
    good: same(hook, null),
    bad: [],
    kinds: ['a function', 'null'],
  },
  {
    name: 'formatExpiry',
    default: expect.any(Function),
    remedy: 'a function',
    good: same(hook),
    bad: [],
    kinds: ['a function'],
  },
  {
    name: 'isUserActive',
    default: null,
    remedy: 'a function',
    good: same(hook),
    bad: [],
    kinds: ['a function'],
  },
  {
    name: 'userRelations',
    default: [],
    remedy: "an array of names of the owner's relations",
    good: same([], ['roles'], ['roles', 'team.owner']),
    bad: [
      ['an empty name', ['roles', '']],
      ['an array of numbers', [1]],
      ['a name alone', 'roles'],
    ],
    kinds: ['an empty array'],
  },
  {
    name: 'extractToken',
    default: null,
    remedy: 'a function',
    good: same(hook),
    bad: [],
    kinds: ['a function'],
  },
  {
    name: 'cookie',
    default: null,
    remedy: 'true, an object of cookie options, or null',
    good: [
      [null, null],
      [true, COOKIE],
      [{}, COOKIE],
      [
        { secure: false, sameSite: 'lax' },
        { ...COOKIE, name: 'session', secure: false, sameSite: 'lax' },
      ],
    ],
    bad: [
      ['false', false],
      ['a name alone', 'session'],
    ],
    kinds: ['null', 'a boolean', 'an object'],
  },
  {
    name: 'lastUsedInterval',
    default: 60_000,
    remedy: `${DURATION}, not negative`,
    good: [
      [0, 0],
      ['5m', 300_000],
      [1_500, 1_500],
    ],
    bad: NO_DURATION,
    kinds: [],
  },
  {
    name: 'storedIp',
    default: 'network',
    remedy: 'one of network, full, none',
    good: same('network', 'full', 'none'),
    bad: ['all', 'Full', '/24', 'constructor'].map((value): [string, unknown] => [value, value]),
    kinds: [],
  },
  {
    name: 'authTimeout',
    default: 5_000,
    remedy: `${DURATION}, more than 0 and at most 24 days`,
    good: [
      [1, 1],
      ['5s', 5_000],
      ['24d', 2_073_600_000],
      [2_147_483_647, 2_147_483_647],
    ],
    bad: [...NO_LENGTH, ['more than a timer can hold', 2_147_483_648], ['25 days', '25d']],
    kinds: [],
  },
  {
    name: 'connections',
    default: 4,
    remedy: 'a whole number, 1 or more',
    good: same(1, 4, 100),
    bad: [
      ['zero', 0],
      ['a negative number', -1],
      ['a fraction', 1.5],
      ['Infinity', Number.POSITIVE_INFINITY],
      ['a string', '4'],
    ],
    kinds: [],
  },
  {
    name: 'pruneInterval',
    default: null,
    remedy: `${DURATION}, more than 0 and at most 24 days; or null`,
    good: [
      [1, 1],
      ['1h', 3_600_000],
      ['24d', 2_073_600_000],
      [null, null],
    ],
    bad: [...NO_LENGTH, ['more than a timer can hold', 2_147_483_648], ['25 days', '25d']],
    kinds: ['null'],
  },
];
