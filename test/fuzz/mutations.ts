import type { Random } from '../support/random.ts';

type Mutation = (text: string, random: Random) => string;

/** Puts something in the place of `length` characters at `at`. */
const splice = (text: string, at: number, length: number, instead: string): string =>
  text.slice(0, at) + instead + text.slice(at + length);

const ODD = [
  '\0',
  '\r',
  '\n',
  '\r\n',
  '\r\n\r\n',
  ' ',
  '\t',
  '\x0b',
  '\x7f',
  '\xa0',
  '\xff',
  '\xc0\x80',
  '\xed\xa0\x80',
  '"',
  '\\',
  '\\u0000',
  '{',
  '}',
  '[',
  ':',
  ',',
  '%',
  '__proto__',
  'Authorization: Token x\r\n',
  'Transfer-Encoding: chunked\r\n',
];

const MUTATIONS: readonly Mutation[] = [
  (text, random) => splice(text, random.below(text.length), 1, random.bytes(1)),
  (text, random) => {
    const at = random.below(text.length);
    const bit = String.fromCharCode(text.charCodeAt(at) ^ (1 << random.below(8)));
    return splice(text, at, 1, bit);
  },
  (text, random) => splice(text, random.below(text.length), 1 + random.below(8), ''),
  (text, random) => splice(text, random.below(text.length), 0, random.pick(ODD)),
  (text, random) => splice(text, random.below(text.length), 1, random.pick(ODD)),
  (text, random) => text.slice(0, random.below(text.length)),
  (text, random) => {
    const at = random.below(text.length);
    return splice(text, at, 0, text.slice(at, at + random.below(80)).repeat(1 + random.below(3)));
  },
  (text, random) => splice(text, random.below(text.length), 0, 'a'.repeat(random.below(20_000))),
  (text, random) => {
    const lines = text.split('\r\n');
    const [from, to] = [random.below(lines.length), random.below(lines.length)];
    [lines[from], lines[to]] = [lines[to]!, lines[from]!];
    return lines.join('\r\n');
  },
  (text) => text + text,
];

/** The request with one to three things wrong with it, most often one. */
export function mutate(text: string, random: Random): string {
  let result = text;
  for (let n = random.pick([1, 1, 1, 2, 3]); n > 0 && result !== ''; n--) {
    result = random.pick(MUTATIONS)(result, random);
  }
  return result;
}
