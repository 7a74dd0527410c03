import { gzipSync } from 'node:zlib';
import type { Random } from '../support/random.ts';
import { chunked } from './body.grammar.ts';

/** A good logout or logoutall with a body that nobody reads. */
export interface LogoutSample {
  /** The request with this token, each byte of it a character. */
  textWith(token: string): string;
  /** The server may close the connection before the client has read the answer. */
  readonly isTooLarge: boolean;
}

interface LogoutBody {
  readonly type: string;
  readonly text: string;
  readonly encoding?: string;
}

/** Past the limits of both adapters' parsers. */
const TOO_LARGE = 1_100_000;

export function logoutRequest(random: Random, path: string): LogoutSample {
  const { type, text, encoding } = bodyOf(random);
  const lines = [
    `POST ${path}${random.pick(['', '', '', '?a=1', '?a[b]=%'])} HTTP/1.1`,
    'Host: x',
    'Connection: close',
  ];
  if (random.chance(0.95)) lines.push(`Content-Type: ${type}`);
  if (random.chance(0.05)) lines.push('Content-Type: application/json');
  if (encoding !== undefined) lines.push(`Content-Encoding: ${encoding}`);
  const [framing, body] = random.pick<() => [string[], string]>([
    () => [[`Content-Length: ${String(text.length)}`], text],
    () => [['Transfer-Encoding: chunked'], chunked(random, text)],
    () => [['Expect: 100-continue', `Content-Length: ${String(text.length)}`], text],
    // A type, and no body at all.
    () => [random.pick([[], ['Content-Length: 0']]), ''],
  ])();
  return {
    textWith: (token) =>
      [...lines, `Authorization: Token ${token}`, ...framing, '', body].join('\r\n'),
    isTooLarge: body.length >= TOO_LARGE,
  };
}

function bodyOf(random: Random): LogoutBody {
  const json = JSON.stringify({ refresh: random.hex(8), all: [true, null] });
  const charset = random.pick(['', '', '; charset=utf-8', '; charset=nonsense', ';']);
  const boundary = random.hex(4);
  return random.pick<() => LogoutBody>([
    () => ({ type: `application/json${charset}`, text: json }),
    () => ({ type: `application/json${charset}`, text: json.slice(0, random.below(json.length)) }),
    () => ({ type: 'application/json', text: random.pick(['null', '""', '0', '{"__proto__":1}']) }),
    () => ({ type: 'application/json', text: random.bytes(1 + random.below(200)) }),
    () => ({
      type: 'application/json',
      text: json,
      encoding: random.pick(['x', 'gzip', 'br', 'deflate', 'gzip, gzip']),
    }),
    () => ({
      type: 'application/json',
      text: gzipSync(json).toString('latin1'),
      encoding: 'gzip',
    }),
    () => ({ type: 'application/vnd.api+json', text: json }),
    () => ({ type: 'application/x-www-form-urlencoded', text: 'a=1&b[]=2' }),
    () => ({ type: 'application/x-www-form-urlencoded', text: 'a[[[=%%%&%ff' }),
    () => ({
      type: `multipart/form-data; boundary=${boundary}`,
      text: `--${boundary}\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--${boundary}--\r\n`,
    }),
    () => ({ type: 'multipart/form-data', text: random.bytes(random.below(100)) }),
    () => ({ type: random.pick(['text/plain', 'text/xml', 'application/xml']), text: '<a>1</a>' }),
    () => ({ type: 'application/octet-stream', text: random.bytes(random.below(400)) }),
    () => ({ type: random.pick(['', ';', 'json', 'nonsense', '\xff\xfe']), text: json }),
    () => ({
      type: random.pick(['application/json', 'text/plain', 'application/x-www-form-urlencoded']),
      text: 'a'.repeat(random.pick([120_000, TOO_LARGE, 2 * TOO_LARGE])),
    }),
  ])();
}
