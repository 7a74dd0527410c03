import type { Secrets } from './grammar.ts';
import type { Random } from '../support/random.ts';

const base64 = (text: string): string => Buffer.from(text, 'latin1').toString('base64');

/** The lines of one or more Authorization headers, or of what pretends to be one. */
export function authorization(random: Random, secrets: Secrets, basic: boolean): string[] {
  const name = random.pick(['Authorization', 'authorization', 'AUTHORIZATION']);
  const value = (): string =>
    random.pick(basic ? [basicValue, tokenValue] : [tokenValue])(random, secrets);
  return random.pick<() => string[]>([
    () => [`${name}: ${value()}`],
    () => [`${name}: ${value()}`],
    () => [`${name}:${value()}`],
    () => [`${name}:\t ${value()} \t`],
    () => [`${name}: ${value()}`, `Authorization: ${value()}`],
    () => Array.from({ length: random.below(300) }, () => `${name}: ${value()}`),
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
  const at = random.below(token.length);
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
    () => ' \t'.repeat(random.below(7_000)),
    () => random.bytes(random.below(300)),
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
    () => `${username}:${random.bytes(random.below(40))}`,
    () => `${username}${password}`,
    () => `${random.bytes(random.below(40))}:${password}`,
    () => `${'a'.repeat(random.pick([4_096, 4_097, 9_000]))}:x`,
    () => `:${'a'.repeat(random.pick([4_096, 4_097, 9_000]))}`,
    () => `${username}:${random.pick(['\0', '\ud800', '\xff', '\xc0\xba', '\n', '\x7f'])}`,
    () => ':'.repeat(random.below(100)),
    () => '',
  ])();
  const encoded = random.chance(0.9) ? base64(text) : text.replace(/[\r\n]/g, '');
  return `${random.pick(['Basic', 'basic', 'BASIC', 'Basi'])}${random.pick(BLANKS)}${encoded}${random.pick(ENDS)}`;
}
