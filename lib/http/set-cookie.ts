import { privateSlot } from '../requests/private-slot.ts';
import type { KnoxResponse } from './execution-context.ts';

/** What Express's response and Fastify's reply have in common. */
interface HeaderedResponse extends KnoxResponse {
  getHeader(name: string): number | string | string[] | undefined;
  removeHeader(name: string): unknown;
  header(name: string, value: string | string[]): unknown;
  /** Node's response, on Fastify's reply. */
  readonly raw?: RawResponse;
}

/** Node's response: Express's is one. */
interface RawResponse {
  readonly headersSent: boolean;
  writeHead(status: number, ...rest: unknown[]): unknown;
  setHeader(name: string, value: string): unknown;
}

const SET_COOKIE = 'Set-Cookie';
const NO_STORE = 'no-store';

const unstored = privateSlot<true>();

/**
 * Puts a cookie into an answer, which no cache may keep then. It replaces one of its name that was put there before, and
 * leaves the cookies of others: Express's response overwrites a header, and Fastify's reply adds to this one.
 *
 * @param cookie the value of a Set-Cookie header, which begins with `name=`
 */
export function setCookie(response: Partial<KnoxResponse>, name: string, cookie: string): void {
  const answer = response as Partial<HeaderedResponse>;
  const raw = answer.raw ?? (response as unknown as RawResponse);
  if (!hasHeaders(answer) || raw.headersSent) return;
  const others = [answer.getHeader(SET_COOKIE) ?? []]
    .flat()
    .map(String)
    .filter((other) => !other.startsWith(`${name}=`));
  answer.removeHeader(SET_COOKIE);
  answer.header(SET_COOKIE, [...others, cookie]);
  answer.header('Cache-Control', NO_STORE);
  forbidStoring(raw);
}

/** What an application puts on a GraphQL context may be no more than a part of a response. */
function hasHeaders(response: Partial<HeaderedResponse>): response is HeaderedResponse {
  return (response.getHeader && response.removeHeader && response.header) !== undefined;
}

/** A handler may say later that its answer may be kept; a cache would then give the cookie to everybody. */
function forbidStoring(raw: Partial<RawResponse>): void {
  if (!raw.writeHead || unstored.get(raw)) return;
  unstored.set(raw, true);
  const writeHead = raw.writeHead.bind(raw);
  raw.writeHead = (status, ...rest) => {
    raw.setHeader?.('Cache-Control', NO_STORE);
    const passed = rest.at(-1);
    // Fastify passes all headers here.
    if (typeof passed === 'object' && passed !== null && !Array.isArray(passed)) {
      (passed as Record<string, unknown>)['cache-control'] = NO_STORE;
    }
    return writeHead(status, ...rest);
  };
}
