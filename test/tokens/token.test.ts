import { afterEach, describe, expect, it, jest } from '@jest/globals';
import fc from '../support/fast-check.ts';
import { readFileSync } from 'node:fs';
import {
  digestOf,
  HASH_ALGORITHMS,
  isTokenPrefix,
  isWellFormedToken,
  generateToken,
  tokenKeyOf,
  type HashAlgorithm,
} from '../../lib/tokens/token.ts';

interface TokenRow {
  kind: string;
  token: string;
  digest: string;
  tokenKey: string;
}

const KNOX_ROWS = JSON.parse(
  readFileSync(new URL('../fixtures/django-rest-knox/token-rows.json', import.meta.url), 'utf8'),
) as TokenRow[];

const prefixes = fc.stringMatching(/^[A-Za-z0-9_-]{0,10}$/);
const evenLengths = fc.integer({ min: 24, max: 128 }).map((half) => half * 2);

describe('makeToken', () => {
  afterEach(() => {
    jest.restoreAllMocks();
  });

  it.each([48, 50, 64, 256])('gives %d hexadecimal characters', (length) => {
    expect(generateToken('', length)).toMatch(new RegExp(`^[0-9a-f]{${String(length)}}$`));
  });

  it('writes the prefix before the random part', () => {
    expect(generateToken('TEST_', 64)).toMatch(/^TEST_[0-9a-f]{64}$/);
  });

  it('gives what passes for a token, whatever the prefix and the length', () => {
    fc.assert(
      fc.property(prefixes, evenLengths, (prefix, length) => {
        const token = generateToken(prefix, length);
        expect(token).toHaveLength(prefix.length + length);
        expect(token.startsWith(prefix)).toBe(true);
        expect(isWellFormedToken(token)).toBe(true);
      }),
    );
  });

  it('never gives the same twice, even where Math.random is known', () => {
    jest.spyOn(Math, 'random').mockReturnValue(0.5);
    const tokens = Array.from({ length: 1_000 }, () => generateToken('', 48));
    expect(new Set(tokens).size).toBe(1_000);
  });
});

describe('digestOf', () => {
  it('knows the hashes of the documentation and no other', () => {
    expect(HASH_ALGORITHMS).toEqual([
      'sha256',
      'sha384',
      'sha512',
      'sha3-256',
      'sha3-384',
      'sha3-512',
      'blake2b512',
    ]);
  });

  // The digests of "abc" that the standards publish: FIPS 180-4, FIPS 202, RFC 7693.
  const OF_ABC: Record<HashAlgorithm, string> = {
    sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    sha384:
      'cb00753f45a35e8bb5a03d699ac65007272c32ab0eded1631a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7',
    sha512:
      'ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f',
    'sha3-256': '3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532',
    'sha3-384':
      'ec01498288516fc926459f58e2c6ad8df9b473cb0fc08c2596da7cf0e49be4b298d88cea927ac7f539f1edf228376d25',
    'sha3-512':
      'b751850b1a57168a5693cd924b6b096e08f621827444f70d884f5d0240d2712e10e116e9192af3c91a7ec57647e3934057340b4cf408d5a56592f8274eec53f0',
    blake2b512:
      'ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d17d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923',
  };

  it.each(HASH_ALGORITHMS)('is the lowercase hexadecimal %s of the token', (algorithm) => {
    expect(digestOf('abc', algorithm)).toBe(OF_ABC[algorithm]);
  });

  it('hashes the UTF-8 bytes', () => {
    expect(digestOf('é', 'sha512')).toBe(
      '9e2ad28633f24451bd4f3c1cb20586a21a44c3aeedbdc01b9cc8fa72917ea7bd689c82b8bf1fef89b911cf8cc46fa2c1ccc10087b2094fd4d3350ecd88526a2c',
    );
  });

  it.each(KNOX_ROWS)('is what django-rest-knox stored: $kind, $tokenKey…', ({ token, digest }) => {
    expect(digestOf(token, 'sha512')).toBe(digest);
  });

  it('fits a column of 128 characters', () => {
    fc.assert(
      fc.property(fc.string(), fc.constantFrom(...HASH_ALGORITHMS), (token, algorithm) => {
        expect(digestOf(token, algorithm)).toMatch(/^[0-9a-f]{64,128}$/);
      }),
    );
  });
});

describe('tokenKeyOf', () => {
  it.each(KNOX_ROWS)(
    'is what django-rest-knox stored: $kind, $tokenKey…',
    ({ token, tokenKey }) => {
      expect(tokenKeyOf(token)).toBe(tokenKey);
    },
  );

  it('is the first 15 characters, prefix included', () => {
    expect(tokenKeyOf('TEST_0123456789abcdef')).toBe('TEST_0123456789');
  });
});

describe('isTokenPrefix', () => {
  it.each(['', 'a', 'TEST_', 'a-b_C-9', 'abcdefghij', '0123456789'])('takes %j', (prefix) => {
    expect(isTokenPrefix(prefix)).toBe(true);
  });

  it.each([
    ['11 characters', 'abcdefghijk'],
    ['a space', 'a b'],
    ['a dot', 'a.b'],
    ['a colon', 'a:'],
    ['a letter with an accent', 'é'],
    ['a line break at the end', 'abc\n'],
    ['NUL', 'a\0'],
    ['null', null],
    ['undefined', undefined],
    ['a number', 7],
    ['an array', ['abc']],
    ['an object that prints as a prefix', { toString: () => 'abc' }],
  ])('refuses %s', (_, value) => {
    expect(isTokenPrefix(value)).toBe(false);
  });
});

describe('isWellFormedToken', () => {
  it.each([
    ['of one character', 'a'],
    ['of knox’s making', 'b1b7516119c6b741c3ac8fa39e7fa17ca767d020a22a127d24b51edee9067782'],
    ['with a prefix of other characters', '~T!:b1b7516119c6b741c3ac8fa39e7fa17c'],
    ['of the greatest length', 'f'.repeat(266)],
  ])('takes a token %s', (_, token) => {
    expect(isWellFormedToken(token)).toBe(true);
  });

  it.each([
    ['an empty string', ''],
    ['one character too many', 'f'.repeat(267)],
    ['15,000 characters', 'f'.repeat(15_000)],
    ['a space', 'abc def'],
    ['a line break at the end', 'abc\n'],
    ['NUL', 'abc\0'],
    ['DEL', 'abc\u007f'],
    ['NBSP', 'abc\u00a0'],
    ['a letter with an accent', 'abcé'],
    ['a lone surrogate', 'abc\ud800'],
    ['null', null],
    ['undefined', undefined],
    ['a number', 123],
    ['an array of one token', ['abc']],
    ['an object that prints as a token', { toString: () => 'abc' }],
  ])('refuses %s', (_, value) => {
    expect(isWellFormedToken(value)).toBe(false);
  });

  it('refuses whatever holds a character that is not visible ASCII', () => {
    const foreign = fc
      .string({ unit: 'binary', minLength: 1, maxLength: 1 })
      .filter((character) => character < '!' || character > '~');
    fc.assert(
      fc.property(fc.string(), foreign, fc.string(), (before, character, after) => {
        expect(isWellFormedToken(before + character + after)).toBe(false);
      }),
    );
  });

  it('goes by the characters and their number alone', () => {
    const visible = fc.stringMatching(/^[!-~]{1,400}$/);
    fc.assert(
      fc.property(visible, (token) => {
        expect(isWellFormedToken(token)).toBe(token.length <= 266);
      }),
      { examples: [['a'.repeat(266)], ['a'.repeat(267)]] },
    );
  });
});

describe('a digest and a key', () => {
  const visible = fc.stringMatching(/^[!-~]{1,266}$/);

  it('differ where tokens differ, be it in one character', () => {
    const another = fc.tuple(visible, fc.nat(), fc.stringMatching(/^[!-~]$/));
    fc.assert(
      fc.property(another, fc.constantFrom(...HASH_ALGORITHMS), ([token, at, instead], hash) => {
        const index = at % token.length;
        const other = token.slice(0, index) + instead + token.slice(index + 1);
        expect(digestOf(other, hash) === digestOf(token, hash)).toBe(other === token);
      }),
    );
  });

  it('give no more of a token away than its first 15 characters', () => {
    fc.assert(
      fc.property(visible, (token) => {
        expect(tokenKeyOf(token)).toHaveLength(Math.min(15, token.length));
        expect(token.startsWith(tokenKeyOf(token))).toBe(true);
      }),
    );
  });
});
