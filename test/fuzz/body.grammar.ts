import { gzipSync } from 'node:zlib';
import type { Secrets } from './grammar.ts';
import type { Random } from '../support/random.ts';

export interface Body {
  readonly text: string;
  readonly hidden?: boolean;
  readonly type?: string;
  readonly encoding?: string;
}

const utf8 = (text: string): string => Buffer.from(text).toString('latin1');

export function loginBody(random: Random, secrets: Secrets): Body {
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
    () => ({ text: json.slice(0, random.below(json.length)) }),
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
    () => ({ text: random.bytes(random.below(400)) }),
    () => ({
      text: `username=${username}&password[$ne]=x`,
      type: 'application/x-www-form-urlencoded',
    }),
    () => ({
      text: 'a[b]'.repeat(random.below(3_000)) + '=1&__proto__[x]=1&%=%ff',
      type: 'application/x-www-form-urlencoded',
    }),
    () => ({ text: gzipSync(json).toString('latin1'), hidden: true, encoding: 'gzip' }),
    () => ({
      text: gzipSync(json).toString('latin1').slice(0, -random.below(20)),
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
    () => `{${Array.from({ length: random.below(2_000) }, (_, i) => `"${String(i)}":0`).join()}}`,
    () =>
      random.pick([
        '{"$ne":""}',
        '{"toString":1}',
        '{"length":8}',
        '{"__proto__":null}',
        '{"then":1}',
      ]),
    () => `"${random.pick(['__proto__', 'constructor', "' OR 1=1 --", '%', '\\u202e', '${7*7}'])}"`,
    () => `"${random.bytes(random.below(60))}"`,
  ])();
}

/** The headers that say how long the body is, and the body as it is sent. */
export function framed(random: Random, text: string): [string[], string] {
  const { length } = text;
  return random.pick<() => [string[], string]>([
    ...Array<() => [string[], string]>(40).fill(() => [
      [`Content-Length: ${String(length)}`],
      text,
    ]),
    () => [[`Content-Length: ${String(length + 1 + random.below(50))}`], text],
    () => [[`Content-Length: ${String(Math.max(0, length - 1 - random.below(10)))}`], text],
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
    () => [['Transfer-Encoding: chunked'], chunked(random, text).slice(0, -random.below(12) - 1)],
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

export function chunked(random: Random, text: string): string {
  const size = random.pick([1_000, 7, 64]);
  if (text.length > 100 * size) return `${text.length.toString(16)}\r\n${text}\r\n0\r\n\r\n`;
  const chunks: string[] = [];
  for (let i = 0; i < text.length; i += size) {
    const piece = text.slice(i, i + size);
    chunks.push(`${piece.length.toString(16)}${random.pick(['', ';x=y', ''])}\r\n${piece}\r\n`);
  }
  return `${chunks.join('')}0\r\n${random.pick(['', '', 'Authorization: Token x\r\n'])}\r\n`;
}
