import type { KnoxRequest } from './knox-request.ts';

/** How the answer to a login may give the token: in a cookie, or in its body, for the Authorization header. */
export const TOKEN_TRANSPORTS = ['cookie', 'header'] as const;

export type TokenTransport = (typeof TOKEN_TRANSPORTS)[number];

/** What `?transport=` asks for: null if it is not there, undefined if it is anything else, or there twice. */
export function parseTransport({
  url = '',
  originalUrl = url,
}: KnoxRequest): TokenTransport | null | undefined {
  const [, query = ''] = originalUrl.split('#', 1)[0]?.split(/\?(.*)/s) ?? [];
  const given = new URLSearchParams(query).getAll('transport');
  if (given.length === 0) return null;
  return given.length === 1 ? TOKEN_TRANSPORTS.find((one) => one === given[0]) : undefined;
}
