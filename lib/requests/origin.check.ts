import { headerValues } from './header-values.ts';
import { isHttpRequest, type KnoxRequest } from './knox-request.ts';

/** Methods that write nothing. @see RFC 9110 Section 9.2.1 */
const SAFE_METHODS = ['GET', 'HEAD', 'OPTIONS'];

/**
 * Whether a request writes nothing, by its method. A request that opens a socket is a GET, but its messages may write. If
 * a middleware has changed the method, both must be safe: that which was sent, and that by which the handler was found.
 */
export function onlyReads(request: KnoxRequest): boolean {
  const { method = '', originalMethod = method } = request;
  const isSafe = SAFE_METHODS.includes(method) && SAFE_METHODS.includes(originalMethod);
  return isSafe && isHttpRequest(request);
}

/**
 * Whether a request that a cookie authenticates, or that would set one, may come from where it says: from a page of the
 * same origin, from one of the trusted origins, or from no page at all. A browser sends cookies whichever page asks, and
 * says here which it is; a page cannot set these headers.
 *
 * 1. A header that was sent twice is refused: a proxy may have judged another one.
 * 2. A trusted Origin passes.
 * 3. `Sec-Fetch-Site`, if it is there, decides: the browser has compared the origins itself, as its user sees them.
 * 4. Without an Origin, no page has asked: browsers that send no `Sec-Fetch-Site` send one with each write and each socket.
 * 5. The Origin's host and port must be those of `Host`. `Origin: null`, of a sandboxed page, is of nobody's.
 *
 * @see Fetch Metadata Request Headers Section 2.3 (Sec-Fetch-Site)
 * @see RFC 6454 Section 7 (Origin)
 * @see RFC 6265bis Section 8.2 (Ambient Authority), Section 8.8 (SameSite is no whole defense)
 */
export function passesOriginCheck(
  request: KnoxRequest,
  trustedOrigins: readonly string[],
): boolean {
  const origins = headerValues(request, 'origin');
  const sites = headerValues(request, 'sec-fetch-site');
  const hosts = hostValues(request);
  if ([origins, sites, hosts].some(({ length }) => length > 1)) return false;
  const [[origin], [site], [host = '']] = [origins, sites, hosts];
  if (origin !== undefined && trustedOrigins.includes(origin)) return true;
  if (site !== undefined) return site === 'same-origin' || site === 'none';
  return origin === undefined || isOriginOfHost(origin, host);
}

/** RFC 9113 Section 8.3.1: in HTTP/2, `:authority` stands for `Host`. */
function hostValues(request: KnoxRequest): string[] {
  const authorities = headerValues(request, ':authority');
  return authorities.length > 0 ? authorities : headerValues(request, 'host');
}

const ORIGIN = /^(https?):\/\/(.+)$/i;
const HOST = /^([a-z0-9._-]+|\[[0-9a-f:.]+\])(?::(\d{1,5}))?$/i;
const DEFAULT_PORTS: Readonly<Record<string, number>> = { http: 80, https: 443 };

/** RFC 6454 Section 4: the port that a scheme implies is left out. `Host` has no scheme, so the Origin's counts. */
function isOriginOfHost(origin: string, host: string): boolean {
  const [, scheme = '', authority = ''] = ORIGIN.exec(origin) ?? [];
  const port = DEFAULT_PORTS[scheme.toLowerCase()] ?? 0;
  const expected = hostAndPort(authority, port);
  return expected !== null && expected === hostAndPort(host, port);
}

function hostAndPort(text: string, defaultPort: number): string | null {
  const match = HOST.exec(text);
  if (!match) return null;
  const [, name = '', port = defaultPort] = match;
  return `${name.toLowerCase()}:${String(Number(port))}`;
}
