import type { Answer } from './http-client.ts';

/** The name of the cookie by default. */
export const COOKIE_NAME = '__Host-Http-session';

/** What a browser gets to keep. */
export interface SentCookie {
  readonly name: string;
  readonly value: string;
  /** Such as `['Max-Age=36000', 'Path=/', 'HttpOnly']`. */
  readonly attributes: readonly string[];
}

/** The cookies that an answer sets. */
export function cookiesOf({ headers }: Answer): SentCookie[] {
  return (headers['set-cookie'] ?? []).map((line) => {
    const [pair = '', ...attributes] = line.split('; ');
    const [name = '', value = ''] = pair.split(/=(.*)/s);
    return { name, value, attributes };
  });
}

/** The cookie in which the answer gives the token; undefined if it sets none. */
export function tokenCookieOf(answer: Answer, name = COOKIE_NAME): SentCookie | undefined {
  return cookiesOf(answer).find((cookie) => cookie.name === name);
}

/** The header with which a browser sends a token back. */
export function cookieHeader(token: string, name = COOKIE_NAME): { cookie: string } {
  return { cookie: `${name}=${token}` };
}

/** What a browser says of a request that a page of another site has sent. */
export const CROSS_SITE = { origin: 'https://evil.example', 'sec-fetch-site': 'cross-site' };
