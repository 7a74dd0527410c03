import { describeKind, KnoxConfigError } from '../errors/knox-config.error.ts';
import { SAME_SITE, type CookieAttributes, type SameSite } from '../requests/token-cookie.ts';
import { givenOptions } from './given-options.ts';

/** What the option `cookie` takes. */
export interface CookieOptions {
  /** Default `'__Host-Http-session'`; with `secure: false`, `'session'`. */
  name?: string | undefined;
  /** Which requests of other sites' pages have the cookie. Default `'strict'`: none. */
  sameSite?: SameSite | undefined;
  /** Whether browsers send it over https alone. Default true; false is for plain http at a developer's desk. */
  secure?: boolean | undefined;
  /** The path under which browsers send it. Default `'/'`. */
  path?: string | undefined;
  /** A domain with whose hosts browsers share it. Default null: with the host that has set it, and no other. */
  domain?: string | null | undefined;
  /**
   * Whether it lives as long as its token, at most 400 days; if not, until the browser is closed. Default true.
   */
  persistent?: boolean | undefined;
  /** Other origins whose pages may write with it, such as `'https://app.example.com'`. Default none. */
  trustedOrigins?: readonly string[] | undefined;
}

/** The option `cookie`, checked and completed. */
export interface CookieSettings extends CookieAttributes {
  readonly persistent: boolean;
  readonly trustedOrigins: readonly string[];
}

interface FieldRule {
  readonly expects: string;
  readonly isValid: (value: unknown) => boolean;
}

/** RFC 6265bis Section 4.1.1: a name is a token of RFC 9110. */
const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** Printable ASCII without `;`, which would begin another attribute. */
const PATH = /^\/[ -:<-~]*$/;
const DOMAIN = /^\.?[a-z0-9-]+(?:\.[a-z0-9-]+)*$/i;

const matches =
  (pattern: RegExp) =>
  (value: unknown): boolean =>
    typeof value === 'string' && pattern.test(value);

const BOOLEAN: FieldRule = {
  expects: 'true or false',
  isValid: (value) => typeof value === 'boolean',
};

const RULES: { readonly [Field in keyof CookieSettings]: FieldRule } = {
  name: {
    expects: "a name of letters, digits, '-' or '_', such as 'session'",
    isValid: matches(NAME),
  },
  sameSite: {
    expects: `one of ${SAME_SITE.join(', ')}`,
    isValid: (value) => SAME_SITE.some((one) => one === value),
  },
  secure: BOOLEAN,
  path: { expects: "a path such as '/api', without ';'", isValid: matches(PATH) },
  domain: {
    expects: "a domain such as 'example.com', or null",
    isValid: (value) => value === null || matches(DOMAIN)(value),
  },
  persistent: BOOLEAN,
  trustedOrigins: {
    expects:
      "an array of origins as browsers write them, such as 'https://app.example.com': no path, no slash at the end, " +
      'no default port, no capitals, no wildcard',
    isValid: (value) => Array.isArray(value) && value.every(isOrigin),
  },
};

const FIELDS = Object.keys(RULES);

/**
 * Checks the fields of the option `cookie`, and completes them.
 *
 * @throws KnoxConfigError also for a combination that browsers refuse: they would drop the cookie without a word
 */
export function resolveCookieOptions(options: object): CookieSettings {
  const given = givenOptions(options) as Readonly<Record<string, unknown>>;
  for (const [field, value] of Object.entries(options)) checkField(field, value);
  const secure = given.secure !== false;
  const settings = {
    name: secure ? '__Host-Http-session' : 'session',
    sameSite: 'strict',
    path: '/',
    domain: null,
    persistent: true,
    trustedOrigins: [],
    ...Object.fromEntries(FIELDS.flatMap((field) => entryOf(field, given[field]))),
    secure,
  } as CookieSettings;
  checkCombination(settings);
  return Object.freeze(settings);
}

/** Nothing of a value is printed: it may be a secret in the wrong place. */
function checkField(field: string, value: unknown): void {
  const rule = Object.hasOwn(RULES, field) ? RULES[field as keyof CookieSettings] : undefined;
  if (!rule) fail(`there is no field "${field}"; remove it; there are ${FIELDS.join(', ')}`);
  if (value === undefined || rule.isValid(value)) return;
  fail(`"${field}" expects ${rule.expects}; got ${describeKind(value)}`);
}

function entryOf(field: string, value: unknown): [string, unknown][] {
  if (value === undefined) return [];
  checkField(field, value);
  return [[field, Array.isArray(value) ? Object.freeze([...(value as unknown[])]) : value]];
}

/**
 * @see RFC 6265bis Section 4.1.3: the prefixes, whose case browsers ignore; all want Secure, and those that begin with
 * `__Host-` no Domain and the path `/`
 */
function checkCombination({ name, secure, sameSite, path, domain }: CookieSettings): void {
  const prefix = /^__(?:host-(?:http-)?|http-|secure-)/i.exec(name)?.[0] ?? '';
  const isHost = prefix.toLowerCase().startsWith('__host-');
  if (prefix !== '' && !secure) {
    fail(`browsers refuse a name with "${prefix}" without "secure"; write name: 'session'`);
  }
  if (isHost && (domain !== null || path !== '/')) {
    const field = domain !== null ? 'domain' : 'path';
    fail(
      `browsers refuse a name with "${prefix}" and a "${field}"; write name: '__Secure-session'`,
    );
  }
  if (sameSite === 'none' && !secure) {
    fail(`browsers refuse sameSite: 'none' without "secure"; write sameSite: 'lax'`);
  }
}

function fail(problem: string): never {
  throw new KnoxConfigError('cookie', `${problem}.`);
}

/** What a browser may send as Origin, to the letter. Apps in a web view have other schemes, such as `capacitor:`. */
function isOrigin(value: unknown): boolean {
  if (typeof value !== 'string' || !URL.canParse(value)) return false;
  const { protocol, host, origin } = new URL(value);
  if (host === '' || host.includes('*')) return false;
  return value === (origin === 'null' ? `${protocol}//${host}` : origin);
}
