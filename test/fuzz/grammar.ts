import { gzipSync } from 'node:zlib';
import type { Random } from './random.ts';

/** What would open something, for requests that should and for those that nearly do. */
export interface Secrets {
  readonly username: string;
  readonly password: string;
  readonly token: string;
}

export type Route = 'me' | 'login' | 'logout' | 'logoutall';

/** A request, each byte of it a character. */
export interface Sample {
  readonly route: Route;
  readonly text: string;
  /** It holds good credentials in a way that reading its bytes does not show. */
  readonly hidden: boolean;
}

interface Body {
  readonly text: string;
  readonly hidden?: boolean;
  readonly type?: string;
  readonly encoding?: string;
}

const base64 = (text: string): string => Buffer.from(text, 'latin1').toString('base64');
const utf8 = (text: string): string => Buffer.from(text).toString('latin1');

export function goodRequest(route: Route, secrets: Secrets, paths: Record<Route, string>): string {
  const { username, password, token } = secrets;
  if (route === 'me') {
    return `GET ${paths.me} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: Token ${token}\r\n\r\n`;
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
  const route = random.pick<Route>(['me', 'login', 'login', 'login', 'logout', 'logoutall']);
  const method = random.chance(0.99) ? (route === 'me' ? 'GET' : 'POST') : random.pick(METHODS);
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

const TYPES = [
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

/** The lines of one or more Authorization headers, or of what pretends to be one. */
function authorization(random: Random, secrets: Secrets, basic: boolean): string[] {
  const name = random.pick(['Authorization', 'authorization', 'AUTHORIZATION']);
  const value = (): string =>
    random.pick(basic ? [basicValue, tokenValue] : [tokenValue])(random, secrets);
  return random.pick<() => string[]>([
    () => [`${name}: ${value()}`],
    () => [`${name}: ${value()}`],
    () => [`${name}:${value()}`],
    () => [`${name}:\t ${value()} \t`],
    () => [`${name}: ${value()}`, `Authorization: ${value()}`],
    () => Array.from({ length: random.int(300) }, () => `${name}: ${value()}`),
    () => [`${name} : ${value()}`],
    () => [`${name}:`, ` ${value()}`],
    () => [`${name}: ${value()}`, `\t${random.bytes(4)}`],
    () => [`${name}: ${value()}`, 'Proxy-Authorization: Basic eDp5', 'Cookie: __proto__=1'],
    () => [`__proto__: ${value()}`],
  ])();
}

function tokenValue(random: Random, secrets: Secrets): string {
  const scheme = random.pick([
    'Token',
    'Token',
    'token',
    'tOKEN',
    'Bearer',
    'Digest',
    'Tokenn',
    'Tok\0en',
    '',
  ]);
  return scheme + random.pick(BLANKS) + likeToken(random, secrets.token) + random.pick(ENDS);
}

const BLANKS = [
  ...Array<string>(30).fill(' '),
  '  ',
  '\t',
  ' \t ',
  '',
  '\xa0',
  '\0',
  '\x0b',
  '\x0c',
  '\x85',
  '\r',
  ',',
  '=',
];
const ENDS = [
  ...Array<string>(30).fill(''),
  ' ',
  '\t',
  ' x',
  ', x',
  '\xa0',
  '\0',
  '\x7f',
  ';',
  '\xc3\x28',
  '\xed\xa0\x80',
  '\xff',
];

function likeToken(random: Random, token: string): string {
  const at = random.int(token.length);
  return random.pick<() => string>([
    () => token,
    () => token.slice(0, at),
    () => token.slice(0, at) + random.hex(1) + token.slice(at + 1),
    () => token.slice(0, at) + random.bytes(1) + token.slice(at),
    () => token.toUpperCase(),
    () => `${token} ${token}`,
    () => random.hex(64),
    () => random.hex(random.pick([1, 15, 48, 265, 266, 267, 268, 1_000])),
    () => 'a'.repeat(random.pick([4_096, 16_000, 16_384, 40_000, 70_000])),
    () => ' \t'.repeat(random.int(7_000)),
    () => random.bytes(random.int(300)),
    () => [random.hex(36), random.hex(120), random.hex(43)].map(base64).join('.'),
    () => `${base64('{"alg":"none"}')}.${base64(`{"sub":"${token}"}`)}.`,
    () =>
      random.pick(['__proto__', 'constructor', 'null', 'undefined', '%', '*', "'OR'1'='1", '%00']),
  ])();
}

function basicValue(random: Random, { username, password }: Secrets): string {
  const text = random.pick<() => string>([
    () => `${username}:${password}`,
    () => `${username}:${password}${random.bytes(1)}`,
    () => `${username}:${random.bytes(random.int(40))}`,
    () => `${username}${password}`,
    () => `${random.bytes(random.int(40))}:${password}`,
    () => `${'a'.repeat(random.pick([4_096, 4_097, 9_000]))}:x`,
    () => `:${'a'.repeat(random.pick([4_096, 4_097, 9_000]))}`,
    () => `${username}:${random.pick(['\0', '\ud800', '\xff', '\xc0\xba', '\n', '\x7f'])}`,
    () => ':'.repeat(random.int(100)),
    () => '',
  ])();
  const encoded = random.chance(0.9) ? base64(text) : text.replace(/[\r\n]/g, '');
  return `${random.pick(['Basic', 'basic', 'BASIC', 'Basi'])}${random.pick(BLANKS)}${encoded}${random.pick(ENDS)}`;
}

function loginBody(random: Random, secrets: Secrets): Body {
  const { username, password } = secrets;
  const json = JSON.stringify({ username, password });
  const escaped = json.replace(/[a-z]/g, (c) =>
    random.chance(0.3) ? `\\u00${c.charCodeAt(0).toString(16)}` : c,
  );
  const pair = (user: string, pass: string): Body => ({
    text: `{"username":${user},"password":${pass}}`,
  });
  return random.pick<() => Body>([
    () => ({ text: json }),
    () => ({ text: escaped, hidden: true }),
    () => ({ text: ` \r\n${json}\t` }),
    () => ({ text: `\xef\xbb\xbf${json}` }),
    () => ({ text: `${json}${random.pick(['{}', ',', '\0', 'x', json])}` }),
    () => ({ text: json.slice(0, random.int(json.length)) }),
    () => ({ text: `${json.slice(0, -1)},"password":${value(random)}}` }),
    () => ({ text: `{"password":${value(random)},${json.slice(1)}` }),
    () => pair(JSON.stringify(username), value(random)),
    () => pair(value(random), JSON.stringify(password)),
    () => pair(value(random), value(random)),
    () => ({ text: `{"__proto__":${json}}` }),
    () => ({
      text: `{"__proto__":{"username":"${username}"},"constructor":${value(random)},"password":"x"}`,
    }),
    () => ({ text: value(random) }),
    () => ({ text: `{${value(random)}:${value(random)}}` }),
    () => ({ text: `[${json}]` }),
    () => ({ text: random.bytes(random.int(400)) }),
    () => ({
      text: `username=${username}&password[$ne]=x`,
      type: 'application/x-www-form-urlencoded',
    }),
    () => ({
      text: 'a[b]'.repeat(random.int(3_000)) + '=1&__proto__[x]=1&%=%ff',
      type: 'application/x-www-form-urlencoded',
    }),
    () => ({ text: gzipSync(json).toString('latin1'), hidden: true, encoding: 'gzip' }),
    () => ({
      text: gzipSync(json).toString('latin1').slice(0, -random.int(20)),
      hidden: true,
      encoding: 'gzip',
    }),
    () => ({ text: gzipSync(`"${' '.repeat(2_000_000)}"`).toString('latin1'), encoding: 'gzip' }),
    () => ({
      text: json,
      hidden: true,
      encoding: random.pick(['deflate', 'br', 'identity', 'x', 'gzip, gzip', '']),
    }),
    () => ({
      text: Buffer.from(json, 'utf16le').toString('latin1'),
      hidden: true,
      type: `application/json; charset=${random.pick(['utf-16', 'utf-16le', 'utf-16be', 'utf-32'])}`,
    }),
  ])();
}

/** A JSON value of any shape, or nearly one. */
function value(random: Random): string {
  const depth = random.pick([1, 5, 500, 5_000]);
  return random.pick<() => string>([
    () =>
      random.pick([
        'null',
        'true',
        'false',
        '0',
        '-0',
        '1e400',
        '-1e-400',
        '{}',
        '[]',
        '""',
        'NaN',
        '01',
        '.5',
      ]),
    () => '9'.repeat(random.pick([20, 400, 20_000])),
    () => `"${'a'.repeat(random.pick([100, 4_096, 4_097, 30_000, 120_000]))}"`,
    () => utf8(`"${'é🔑'.repeat(random.pick([1, 1_300, 1_400]))}"`),
    () =>
      `"${random.pick(['\\u0000', '\\ud800', '\\udc00\\ud800', '\\u00', '\\x', '\\', '\0', '\n', '\xff', '\xed\xa0\x80'])}"`,
    () => '['.repeat(depth) + ']'.repeat(depth),
    () => '{"a":'.repeat(depth) + '1' + '}'.repeat(depth),
    () => '['.repeat(depth),
    () => `{${Array.from({ length: random.int(2_000) }, (_, i) => `"${String(i)}":0`).join()}}`,
    () =>
      random.pick([
        '{"$ne":""}',
        '{"toString":1}',
        '{"length":8}',
        '{"__proto__":null}',
        '{"then":1}',
      ]),
    () => `"${random.pick(['__proto__', 'constructor', "' OR 1=1 --", '%', '\\u202e', '${7*7}'])}"`,
    () => `"${random.bytes(random.int(60))}"`,
  ])();
}

/** The headers that say how long the body is, and the body as it is sent. */
function framed(random: Random, text: string): [string[], string] {
  const { length } = text;
  return random.pick<() => [string[], string]>([
    ...Array<() => [string[], string]>(40).fill(() => [
      [`Content-Length: ${String(length)}`],
      text,
    ]),
    () => [[`Content-Length: ${String(length + 1 + random.int(50))}`], text],
    () => [[`Content-Length: ${String(Math.max(0, length - 1 - random.int(10)))}`], text],
    () => [
      [
        `Content-Length: ${random.pick(['-1', '0', '+5', '0x10', '1e3', ' ', '99999999999999999999'])}`,
      ],
      text,
    ],
    () => [[`Content-Length: ${String(length)}`, `Content-Length: ${String(length)}`], text],
    () => [
      [`Content-Length: ${String(length)}`, 'Transfer-Encoding: chunked'],
      chunked(random, text),
    ],
    () => [[], text],
    () => [['Transfer-Encoding: chunked'], chunked(random, text)],
    () => [['Transfer-Encoding: chunked'], chunked(random, text)],
    () => [['Transfer-Encoding: chunked'], chunked(random, text).slice(0, -random.int(12) - 1)],
    () => [
      [
        `Transfer-Encoding: ${random.pick(['gzip, chunked', 'identity', 'chunked, chunked', 'xchunked'])}`,
      ],
      chunked(random, text),
    ],
    () => [
      ['Transfer-Encoding: chunked'],
      `${random.pick(['-1', 'fffffffffffffffff', 'x', ''])}\r\n${text}\r\n0\r\n\r\n`,
    ],
    () => [['Expect: 100-continue', `Content-Length: ${String(length)}`], text],
    () => [['Expect: nonsense', `Content-Length: ${String(length)}`], text],
    () => [['Upgrade: websocket', `Content-Length: ${String(length)}`], text],
  ])();
}

function chunked(random: Random, text: string): string {
  const size = random.pick([1_000, 7, 64]);
  if (text.length > 100 * size) return `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
  const chunks: string[] = [];
  for (let i = 0; i < text.length; i += size) {
    const piece = text.slice(i, i + size);
    chunks.push(`${piece.length.toString(16)}${random.pick(['', ';x=y', ''])}\r\n${piece}\r\n`);
  }
  return `${chunks.join('')}0\r\n${random.pick(['', '', 'Authorization: Token x\r\n'])}\r\n`;
}
