import { headerValues } from './header-values.ts';
import type { KnoxRequest } from './knox-request.ts';

/** What the Authorization header holds. */
export type HeaderToken =
  /** No header, or another scheme, which may be meant for another guard. */
  | { readonly kind: 'none' }
  /** The scheme without a token. */
  | { readonly kind: 'empty' }
  /** Several words after the scheme, or several headers: a guess could take the wrong one. */
  | { readonly kind: 'ambiguous' }
  | { readonly kind: 'token'; readonly token: string };

/** The value of the Authorization header, or all values if the client sent several. */
export function authorizationValues(request: KnoxRequest): string[] {
  return headerValues(request, 'authorization');
}

/** A scheme, a space and one word. Nearly every header is that, and this is the fastest way to read it. */
const PLAIN = /^([^ \t]+) ([^ \t]+)$/;

/**
 * Reads `<scheme> <token>`. RFC 9110 Section 11.1: the case of the scheme does not matter.
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
 * RFC 9110 Section 5.6.3: only space and tab are white space in a header. A JavaScript `\s` would split at NBSP too.
 */
export function splitWords(value: string): string[] {
  return value.split(/[ \t]+/).filter((word) => word !== '');
}
