import { authorization } from './authorization.grammar.ts';
import { framed, loginBody } from './body.grammar.ts';
import type { Random } from '../support/random.ts';

/** What would open something, for requests that should and for those that nearly do. */
export interface Secrets {
  readonly username: string;
  readonly password: string;
  readonly token: string;
}

export type Route =
  'me' | 'sessions' | 'current' | 'login' | 'reauthenticate' | 'logout' | 'logoutall';

/** Those that only read. */
const READS: readonly Route[] = ['me', 'sessions', 'current'];

/** A request, each byte of it a character. */
export interface Sample {
  readonly route: Route;
  readonly text: string;
  /** It holds good credentials in a way that reading its bytes does not show. */
  readonly hidden: boolean;
}

export function goodRequest(route: Route, secrets: Secrets, paths: Record<Route, string>): string {
  const { username, password, token } = secrets;
  if (READS.includes(route)) {
    return `GET ${paths[route]} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Token ${token}\r\n\r\n`;
  }
  const body = route === 'login' ? JSON.stringify({ username, password }) : '';
  const lines = [`POST ${paths[route]} HTTP/1.1`, 'Host: x', 'Connection: close'];
  if (route === 'login') lines.push('Content-Type: application/json');
  else lines.push(`Authorization: Token ${token}`);
  lines.push(`Content-Length: ${String(body.length)}`, '', body);
  return lines.join('\r\n');
}

/** A request from the grammar; not all of it is HTTP. */
export function requestFrom(
  random: Random,
  secrets: Secrets,
  paths: Record<Route, string>,
): Sample {
  const route = random.pick<Route>([
    ...(['me', 'me', 'sessions', 'current', 'login', 'login', 'login', 'login'] as const),
    ...(['login', 'logout', 'logoutall'] as const),
  ]);
  const method = random.chance(0.99)
    ? READS.includes(route)
      ? 'GET'
      : 'POST'
    : random.pick(METHODS);
  const path =
    paths[route] +
    random.pick([...Array<string>(20).fill(''), '/', '?a=1', '?a[__proto__]=1', '#x', '%', '%00']);
  const lines = [`${method} ${path} HTTP/1.1`, 'Host: x', 'Connection: close'];
  const basic = route === 'login' && random.chance(0.3);
  if (basic || route !== 'login' || random.chance(0.1)) {
    lines.push(...authorization(random, secrets, route === 'login'));
  }
  if (route !== 'login' || random.chance(basic ? 0.8 : 0.02)) {
    if (method !== 'GET') lines.push('Content-Length: 0');
    return { route, text: [...lines, '', ''].join('\r\n'), hidden: false };
  }
  const body = loginBody(random, secrets);
  if (random.chance(0.99)) lines.push(`Content-Type: ${body.type ?? random.pick(TYPES)}`);
  if (body.encoding) lines.push(`Content-Encoding: ${body.encoding}`);
  const [framing, text] = framed(random, body.text);
  return {
    route,
    text: [...lines, ...framing, '', text].join('\r\n'),
    hidden: body.hidden === true || text !== body.text,
  };
}

const METHODS = [
  'GET',
  'HEAD',
  'PUT',
  'PATCH',
  'DELETE',
  'OPTIONS',
  'TRACE',
  'QUERY',
  'CONNECT',
  'X',
];

export const TYPES = [
  ...Array<string>(60).fill('application/json'),
  'application/json; charset=utf-8',
  'application/json; charset=nonsense',
  'application/json;charset=utf-7',
  'application/vnd.api+json',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'text/plain',
  'text/json',
  'json',
  '',
  ';',
  'application/json, application/json',
  `application/${'j'.repeat(5_000)}son`,
  'application/json; charset="',
  '\xff\xfe',
];
