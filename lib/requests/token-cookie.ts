import type { KnoxRequest } from './knox-request.ts';

/** What a cookie's `SameSite` may be. */
export const SAME_SITE = ['strict', 'lax', 'none'] as const;

export type SameSite = (typeof SAME_SITE)[number];

/** The name and attributes of the cookie that holds a token, checked and completed. */
export interface CookieAttributes {
  readonly name: string;
  readonly sameSite: SameSite;
  readonly secure: boolean;
  readonly path: string;
  /** Null: the cookie is sent to the host that has set it, and to no other. */
  readonly domain: string | null;
}

/** What the cookie of a name holds. */
export type CookieToken =
  | { readonly kind: 'none' }
  /** Several cookies of the name. Another host of the site may have set one: a guess could take the wrong one. */
  | { readonly kind: 'ambiguous' }
  | { readonly kind: 'token'; readonly token: string };

/** How long browsers keep a cookie at most, in seconds: 400 days. @see RFC 6265bis Section 5.5 */
const MAX_AGE_LIMIT = 34_560_000;

/**
 * Reads the token from the Cookie header. The parsers of packages give one value for a name, and hide that there are two.
 *
 * Only space and tab are white space here. A parser that also strips others, such as NBSP, takes a cookie that any page of
 * the site may set for one whose prefix protects it.
 */
export function parseTokenCookie({ headers }: KnoxRequest, name: string): CookieToken {
  const values = [headers.cookie ?? []]
    .flat()
    .flatMap((header) => header.split(';'))
    .map((pair) => pair.replace(/^[ \t]+/, ''))
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => withoutBlanksAtEnd(pair.slice(name.length + 1)));
  if (values.length > 1) return { kind: 'ambiguous' };
  const [token] = values;
  return token === undefined ? { kind: 'none' } : { kind: 'token', token };
}

/** A pattern that begins with the blanks would take quadratic time for a header that is full of them. */
function withoutBlanksAtEnd(value: string): string {
  return /^(?:.*[^ \t])?/s.exec(value)?.[0] ?? '';
}

/**
 * The value of a Set-Cookie header that gives a browser the token. The token's characters need no escape, and the
 * attributes were checked at the start.
 *
 * @param maxAge how long the browser keeps it, in milliseconds; null: until it is closed
 */
export function tokenCookie(
  attributes: CookieAttributes,
  token: string,
  maxAge: number | null,
): string {
  const seconds = maxAge === null ? null : Math.ceil(maxAge / 1_000);
  return serialize(
    attributes,
    token,
    seconds === null ? null : Math.max(0, Math.min(seconds, MAX_AGE_LIMIT)),
  );
}

/** The value of a Set-Cookie header that has a browser forget the token. */
export function clearedCookie(attributes: CookieAttributes): string {
  return serialize(attributes, '', 0);
}

function serialize(
  { name, sameSite, secure, path, domain }: CookieAttributes,
  value: string,
  maxAge: number | null,
): string {
  return [
    `${name}=${value}`,
    ...(maxAge === null ? [] : [`Max-Age=${String(maxAge)}`]),
    ...(domain === null ? [] : [`Domain=${domain}`]),
    `Path=${path}`,
    'HttpOnly',
    ...(secure ? ['Secure'] : []),
    `SameSite=${sameSite[0]?.toUpperCase() ?? ''}${sameSite.slice(1)}`,
  ].join('; ');
}
