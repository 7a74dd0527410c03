import type { KnoxRequest } from './knox-request.ts';

/** What an Authorization header holds for us. */
export type HeaderToken =
  /** No header, or another scheme's, which may be meant for another guard. */
  | { readonly kind: 'none' }
  /** Our scheme, and nothing after it. */
  | { readonly kind: 'empty' }
  /** Several words after the scheme, or several headers: which one counts is not ours to guess. */
  | { readonly kind: 'ambiguous' }
  | { readonly kind: 'token'; readonly token: string };

/**
 * The value of the Authorization header, or all of them where the client sent several: Node keeps
 * the first in silence, so that a proxy in front could have judged another one than we do. Only the
 * raw list shows that; else `headers` counts, which middleware and serverless adapters may set.
 */
export function authorizationValues(request: KnoxRequest): string[] {
  const sent = rawValues(request.rawHeaders ?? request.raw?.rawHeaders ?? []);
  if (sent.length > 1) return sent;
  const value = request.headers.authorization;
  if (value === undefined) return [];
  return Array.isArray(value) ? value : [value];
}

function rawValues(raw: readonly string[]): string[] {
  const values: string[] = [];
  for (let i = 0; i + 1 < raw.length; i += 2) {
    const name = raw[i] as string;
    if (name.length === 13 && name.toLowerCase() === 'authorization') {
      values.push(raw[i + 1] as string);
    }
  }
  return values;
}

/** A scheme and one word behind a space: what nearly every header is, and the cheapest to read. */
const PLAIN = /^([^ \t]+) ([^ \t]+)$/;

/**
 * Reads `<scheme> <token>`; the scheme is matched in any case, as RFC 9110 Section 11.1 wants.
 *
 * @see knox/auth.py, TokenAuthentication.authenticate
 */
export function parseTokenHeader(request: KnoxRequest, scheme: string): HeaderToken {
  const values = authorizationValues(request);
  if (values.length > 1) return { kind: 'ambiguous' };
  const value = values[0] ?? '';
  const words = PLAIN.exec(value)?.slice(1) ?? splitWords(value);
  if (words[0]?.toLowerCase() !== scheme.toLowerCase()) return { kind: 'none' };
  if (words.length > 2) return { kind: 'ambiguous' };
  return words[1] === undefined ? { kind: 'empty' } : { kind: 'token', token: words[1] };
}

/**
 * Only space and tab are white space in a header (RFC 9110 Section 5.6.3); a JavaScript `\s` would
 * split at NBSP too.
 */
export function splitWords(value: string): string[] {
  return value.split(/[ \t]+/).filter((word) => word !== '');
}
