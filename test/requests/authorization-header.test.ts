import { describe, expect, it } from '@jest/globals';
import fc from '../support/fast-check.ts';
import {
  authorizationValues,
  splitWords,
  parseTokenHeader,
  type HeaderToken,
} from '../../lib/requests/authorization-header.ts';
import type { KnoxRequest } from '../../lib/requests/knox-request.ts';

/** A request as Node gives it: the first of several headers parsed, all of them raw. */
const sending = (...values: string[]): KnoxRequest => ({
  headers: { authorization: values[0] },
  rawHeaders: ['Host', 'localhost', ...values.flatMap((value) => ['Authorization', value])],
});

const token = (text: string): HeaderToken => ({ kind: 'token', token: text });

describe('tokenInHeader', () => {
  it.each<[string, HeaderToken]>([
    ['Token abc', token('abc')],
    ['token abc', token('abc')],
    ['TOKEN abc', token('abc')],
    ['tOkEn abc', token('abc')],
    ['Token    abc', token('abc')],
    ['Token\tabc', token('abc')],
    [' \tToken abc\t ', token('abc')],
    ['Token Token', token('Token')],
    ['Token a,b', token('a,b')],
    ['Token a\u00a0b', token('a\u00a0b')],
    ['', { kind: 'none' }],
    [' ', { kind: 'none' }],
    ['abc', { kind: 'none' }],
    ['Bearer abc', { kind: 'none' }],
    ['Tokens abc', { kind: 'none' }],
    ['Toke abc', { kind: 'none' }],
    ['Token:abc', { kind: 'none' }],
    ['Token,abc', { kind: 'none' }],
    ['Token\u00a0abc', { kind: 'none' }],
    ['Bearer Token abc', { kind: 'none' }],
    ['Bearer a b', { kind: 'none' }],
    ['Token', { kind: 'empty' }],
    ['token \t ', { kind: 'empty' }],
    ['Token abc def', { kind: 'ambiguous' }],
    ['Token abc\tdef', { kind: 'ambiguous' }],
    ['Token abc, Token abc', { kind: 'ambiguous' }],
  ])('reads %j', (value, expected) => {
    expect(parseTokenHeader(sending(value), 'Token')).toEqual(expected);
  });

  it('finds nothing where there is no header', () => {
    expect(parseTokenHeader(sending(), 'Token')).toEqual({ kind: 'none' });
    expect(parseTokenHeader({ headers: {} }, 'Token')).toEqual({ kind: 'none' });
  });

  it.each([
    ['of the same value', ['Token abc', 'Token abc']],
    ['of which the second is empty', ['Token abc', '']],
    ['of which the first is another scheme’s', ['Basic am9obg==', 'Token abc']],
    ['of which the second is another scheme’s', ['Token abc', 'Basic am9obg==']],
    ['that are all another scheme’s', ['Bearer abc', 'Bearer def']],
  ])('takes no side between two headers %s', (_, values) => {
    expect(parseTokenHeader(sending(...values), 'Token')).toEqual({ kind: 'ambiguous' });
  });

  it.each(['Bearer', 'X-Api_Key', 'a.b+c'])('goes by the scheme of the option: %s', (scheme) => {
    expect(parseTokenHeader(sending(`${scheme.toUpperCase()} abc`), scheme)).toEqual(token('abc'));
    expect(parseTokenHeader(sending('Token abc'), scheme)).toEqual({ kind: 'none' });
  });

  it('takes the characters of a scheme for nothing but themselves', () => {
    expect(parseTokenHeader(sending('axb abc'), 'a.b')).toEqual({ kind: 'none' });
  });

  it('reads any token after any blanks under the scheme in any case', () => {
    const blanks = fc.string({ unit: fc.constantFrom(' ', '\t'), minLength: 1 });
    const mixedCase = fc.mixedCase(fc.constant('token'));
    const visible = fc.stringMatching(/^[!-~]{1,300}$/);
    fc.assert(
      fc.property(mixedCase, blanks, visible, (scheme, blank, text) => {
        expect(parseTokenHeader(sending(scheme + blank + text), 'Token')).toEqual(token(text));
      }),
    );
  });

  it('makes of any value whatever a verdict, and of none a token with a blank', () => {
    const values = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.string({ unit: 'binary' }).map((rest) => `Token ${rest}`),
    );
    fc.assert(
      fc.property(values, (value) => {
        const found = parseTokenHeader(sending(value), 'Token');
        if (found.kind === 'token') expect(found.token).toMatch(/^[^ \t]+$/);
        else expect(['none', 'empty', 'ambiguous']).toContain(found.kind);
      }),
    );
  });
});

describe('tokenInHeader, of several headers', () => {
  it('takes no side between them, wherever they stand and whatever they hold', () => {
    const values = fc.array(fc.string({ unit: 'binary' }), { minLength: 2 });
    const others = fc.array(fc.tuple(fc.constantFrom('Host', 'X-A', 'Cookie'), fc.string()));
    fc.assert(
      fc.property(values, others, (sent, rest) => {
        const headers = sent.map((value) => [`authorization`, value]);
        const rawHeaders = [...rest, ...headers.flatMap((one) => [one, ...rest])].flat();
        const request = { headers: { authorization: sent[0] }, rawHeaders };
        expect(parseTokenHeader(request, 'Token')).toEqual({ kind: 'ambiguous' });
      }),
    );
  });
});

describe('authorizationValues', () => {
  it.each(['Authorization', 'authorization', 'AUTHORIZATION'])(
    'finds a header named %s',
    (name) => {
      const rawHeaders = [name, 'Token abc', 'Accept', '*/*', name, 'Token def'];
      const headers = { authorization: 'Token abc' };
      expect(authorizationValues({ headers, rawHeaders })).toEqual(['Token abc', 'Token def']);
    },
  );

  it('looks at the names of headers and not at their values', () => {
    const rawHeaders = ['X-A', 'authorization', 'X-B', 'authorization'];
    expect(authorizationValues({ headers: {}, rawHeaders })).toEqual([]);
  });

  it('takes what middleware or a serverless adapter has set', () => {
    const headers = { authorization: 'Token abc' };
    expect(authorizationValues({ headers, rawHeaders: [] })).toEqual(['Token abc']);
  });

  it('leaves alone what middleware has taken away', () => {
    const rawHeaders = ['Authorization', 'Token abc'];
    expect(authorizationValues({ headers: {}, rawHeaders })).toEqual([]);
  });

  it('finds the raw headers of Fastify’s request', () => {
    const raw = { rawHeaders: ['authorization', 'Token abc', 'Authorization', 'Token def'] };
    const headers = { authorization: 'Token abc' };
    expect(authorizationValues({ headers, raw })).toEqual(['Token abc', 'Token def']);
  });

  it('takes the parsed headers where there are no raw ones', () => {
    expect(authorizationValues({ headers: { authorization: 'Token abc' } })).toEqual(['Token abc']);
    expect(authorizationValues({ headers: { authorization: ['Token a', 'Token b'] } })).toEqual([
      'Token a',
      'Token b',
    ]);
    expect(authorizationValues({ headers: {} })).toEqual([]);
  });
});

describe('splitWords', () => {
  const unit = fc.constantFrom('a', 'Z', ',', '\u00a0', '\n', '\v', '\f', '\u2003', '\ufeff', '\0');
  const words = fc.array(fc.string({ unit, minLength: 1 }));
  const blank = fc.string({ unit: fc.constantFrom(' ', '\t'), minLength: 1, maxLength: 5 });

  it('finds the words again that blanks were put between and around, and no other character counts', () => {
    fc.assert(
      fc.property(words, blank, blank, (all, between, around) => {
        expect(splitWords(around + all.join(between) + around)).toEqual(all);
      }),
    );
  });
});
