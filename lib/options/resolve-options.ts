import {
  HASH_ALGORITHMS,
  MAX_PREFIX_LENGTH,
  RANDOM_LENGTH,
  isTokenPrefix,
} from '../tokens/token.ts';
import { STORED_IP } from '../requests/stored-client.ts';
import { KnoxConfigError, describeKind } from '../errors/knox-config.error.ts';
import { resolveCookieOptions } from './cookie.options.ts';
import { describeDuration, DURATION_FORMAT, MAX_TIMER_MS, parseDuration } from './duration.ts';
import { givenOptions } from './given-options.ts';
import {
  TOKEN_LIMIT_POLICIES,
  type KnoxRuntimeOptions,
  type KnoxSettings,
} from './runtime-options.ts';

/** One option: its default, what it may be (for the message if it is wrong), and how it is parsed. */
interface Rule<Setting> {
  readonly default: Setting;
  readonly expects: string;
  /** The setting, or undefined if the value is wrong. */
  readonly parse: (value: unknown) => Setting | undefined;
  /** A wrong value, for the message. Default: its kind alone, since it may be a secret. */
  readonly describe?: (value: unknown) => string;
}

/** The characters of an authentication scheme. @see RFC 9110 Section 5.6.2 */
const HTTP_TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;

const hook = <Setting>(initial: Setting, orNull = false): Rule<Setting> => ({
  default: initial,
  expects: orNull ? 'a function, or null' : 'a function',
  parse: (value) =>
    typeof value === 'function' || (orNull && value === null) ? (value as Setting) : undefined,
});

const duration = (initial: number, min: number, max = Number.MAX_SAFE_INTEGER): Rule<number> => ({
  default: initial,
  expects:
    `${DURATION_FORMAT}, ${min === 0 ? 'not negative' : 'more than 0'}` +
    (max === MAX_TIMER_MS ? ' and at most 24 days' : ''),
  parse: (value) => {
    const ms = parseDuration(value, min);
    return ms !== undefined && ms <= max ? ms : undefined;
  },
  describe: describeDuration,
});

const nullable = <Setting>(rule: Rule<Setting>, initial: Setting | null): Rule<Setting | null> => ({
  ...rule,
  default: initial,
  expects: `${rule.expects}; or null`,
  parse: (value) => (value === null ? null : rule.parse(value)),
});

const text = (initial: string, expects: string, isValid: (value: string) => boolean) => ({
  default: initial,
  expects,
  parse: (value: unknown) => (typeof value === 'string' && isValid(value) ? value : undefined),
});

const fieldName = (initial: string): Rule<string> =>
  text(initial, "the name of a JSON field, not '__proto__'", (v) => v !== '' && v !== '__proto__');

const integer = (initial: number, expects: string, isValid: (value: number) => boolean) => ({
  default: initial,
  expects,
  parse: (value: unknown) =>
    typeof value === 'number' && Number.isSafeInteger(value) && isValid(value) ? value : undefined,
});

const oneOf = <Name extends string>(names: readonly Name[], initial: Name): Rule<Name> => ({
  default: initial,
  expects: `one of ${names.join(', ')}`,
  parse: (value) => names.find((name) => name === value),
});

const RULES: { readonly [Option in keyof KnoxSettings]: Rule<KnoxSettings[Option]> } = {
  verifyCredentials: hook<KnoxSettings['verifyCredentials']>(null),
  usernameField: fieldName('username'),
  passwordField: fieldName('password'),
  tokenTtl: nullable(duration(36_000_000, 1), 36_000_000),
  autoRefresh: {
    default: false,
    expects: 'true or false',
    parse: (value) => (typeof value === 'boolean' ? value : undefined),
  },
  autoRefreshMaxTtl: nullable(duration(0, 1), null),
  minRefreshInterval: duration(60_000, 0),
  tokenLimitPerUser: nullable(
    integer(1, 'a whole number, 1 or more', (v) => v >= 1),
    null,
  ),
  tokenLimitPolicy: oneOf(TOKEN_LIMIT_POLICIES, 'reject'),
  tokenPrefix: text(
    '',
    `at most ${String(MAX_PREFIX_LENGTH)} letters, digits, "_" or "-"`,
    isTokenPrefix,
  ),
  tokenLength: integer(
    64,
    `an even number from ${String(RANDOM_LENGTH.min)} to ${String(RANDOM_LENGTH.max)}`,
    (v) => v % 2 === 0 && v >= RANDOM_LENGTH.min && v <= RANDOM_LENGTH.max,
  ),
  hashAlgorithm: oneOf(HASH_ALGORITHMS, 'sha512'),
  authHeaderPrefix: text(
    'Token',
    "one word of letters and digits such as 'Bearer', and not 'Basic', which the login reads",
    (v) => HTTP_TOKEN.test(v) && v.toLowerCase() !== 'basic',
  ),
  userSerializer: hook<KnoxSettings['userSerializer']>(null, true),
  formatExpiry: hook<KnoxSettings['formatExpiry']>(formatAsIso),
  isUserActive: hook<KnoxSettings['isUserActive']>(null),
  userRelations: {
    default: [],
    expects: "an array of names of the owner's relations",
    parse: (value) =>
      Array.isArray(value) && value.every((name) => typeof name === 'string' && name !== '')
        ? [...(value as string[])]
        : undefined,
  },
  extractToken: hook<KnoxSettings['extractToken']>(null),
  cookie: {
    default: null,
    expects: 'true, an object of cookie options, or null',
    parse: (value) => {
      if (value === null) return null;
      if (value === true) return resolveCookieOptions({});
      return typeof value === 'object' && !Array.isArray(value)
        ? resolveCookieOptions(value)
        : undefined;
    },
  },
  lastUsedInterval: duration(60_000, 0),
  storedIp: oneOf(STORED_IP, 'network'),
  authTimeout: duration(5_000, 1, MAX_TIMER_MS),
  connections: integer(4, 'a whole number, 1 or more', (v) => v >= 1),
  pruneInterval: nullable(duration(0, 1, MAX_TIMER_MS), null),
};

/** The default of `formatExpiry`: ISO 8601 in UTC, or null. */
export function formatAsIso(expiry: Date | null): string | null {
  return expiry?.toISOString() ?? null;
}

/** The names of the runtime options. */
export const RUNTIME_OPTION_NAMES: readonly string[] = Object.keys(RULES);

/**
 * Checks the runtime options and completes them with the defaults. An option that is undefined gets its default. A
 * wrong value is never corrected.
 *
 * @throws KnoxConfigError for the first option that is wrong or unknown
 */
export function resolveOptions(options: KnoxRuntimeOptions): KnoxSettings {
  const given = givenOptions(options) as Readonly<Record<string, unknown>>;
  rejectUnknownOptions(options, RUNTIME_OPTION_NAMES);
  const settings = Object.entries<Rule<unknown>>(RULES).map(([name, rule]) => {
    const value = given[name];
    const setting = value === undefined ? rule.default : rule.parse(value);
    if (setting === undefined) {
      throw new KnoxConfigError(
        name,
        `expected ${rule.expects}; got ${(rule.describe ?? describeKind)(value)}.`,
      );
    }
    return [name, setting] as const;
  });
  const resolved = Object.fromEntries(settings) as unknown as KnoxSettings;
  if (resolved.usernameField === resolved.passwordField) {
    throw new KnoxConfigError(
      'passwordField',
      'expected another field than usernameField; got a string that is the same.',
    );
  }
  if (resolved.cookie && resolved.extractToken) {
    throw new KnoxConfigError(
      'cookie',
      'extractToken says alone where the token is; remove one of the two.',
    );
  }
  return Object.freeze(resolved);
}

/** @throws KnoxConfigError for the first option that is not among the known ones */
export function rejectUnknownOptions(given: object, known: readonly string[]): void {
  for (const name of Object.keys(given)) {
    if (known.includes(name)) continue;
    const meant = known.find((other) => other.toLowerCase() === name.toLowerCase());
    const remedy = meant ? `write "${meant}"` : `remove it; there are ${known.join(', ')}`;
    throw new KnoxConfigError(name, `there is no such option; ${remedy}.`);
  }
}
