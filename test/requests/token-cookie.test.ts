import { describe, expect, it } from '@jest/globals';
import {
  clearedCookie,
  parseTokenCookie,
  tokenCookie,
  type CookieAttributes,
} from '../../lib/requests/token-cookie.ts';
import { parseTransport } from '../../lib/requests/login-transport.ts';
import fc from '../support/fast-check.ts';

const NAME = '__Host-Http-session';
const read = (cookie?: string, name = NAME) =>
  parseTokenCookie({ headers: cookie === undefined ? {} : { cookie } }, name);
const token = (value: string) => ({ kind: 'token', token: value });

describe('parseTokenCookie', () => {
  it.each([
    ['alone', `${NAME}=abc`],
    ['among others', `theme=dark; ${NAME}=abc; lang=en`],
    ['without blanks', `theme=dark;${NAME}=abc;lang=en`],
    ['with tabs and blanks', `theme=dark;\t ${NAME}=abc \t; lang=en`],
  ])('finds the cookie %s', (_, header) => {
    expect(read(header)).toEqual(token('abc'));
  });

  it.each([
    ['no header', undefined],
    ['an empty header', ''],
    ['another name', 'session=abc'],
    ['a name that ends as it does', `x${NAME}=abc`],
    ['a name that begins as it does', `${NAME}x=abc`],
    ['a name in other letters', `${NAME.toUpperCase()}=abc`],
    ['the name in a value', `theme=${NAME}=abc`],
    ['the name without a value', NAME],
    ['a name after a NBSP', `\u00a0${NAME}=abc`],
    ['a name after an ideographic blank', `\u3000${NAME}=abc`],
    ['a name after a vertical tab', `\v${NAME}=abc`],
    ['a name with an escape', '__%48ost-Http-session=abc'],
  ])('finds none in %s', (_, header) => {
    expect(read(header)).toEqual({ kind: 'none' });
  });

  it('gives the value as it is', () => {
    expect(read(`${NAME}=`)).toEqual(token(''));
    expect(read(`${NAME}="abc"`)).toEqual(token('"abc"'));
    expect(read(`${NAME}=a=b`)).toEqual(token('a=b'));
    expect(read(`${NAME}=a%62`)).toEqual(token('a%62'));
  });

  it('takes no time for a header that is full of blanks', () => {
    const blanks = ' \t'.repeat(200_000);
    const since = performance.now();
    expect(read(`${blanks}x${blanks}x; ${NAME}=a${blanks}b${blanks}`)).toEqual(
      token(`a${blanks}b`),
    );
    expect(performance.now() - since).toBeLessThan(1_000);
  });

  it('says that there are two', () => {
    for (const second of ['abc', 'def', '']) {
      expect(read(`${NAME}=abc; ${NAME}=${second}`)).toEqual({ kind: 'ambiguous' });
    }
    const headers = { cookie: [`${NAME}=abc`, `${NAME}=def`] };
    expect(parseTokenCookie({ headers }, NAME)).toEqual({ kind: 'ambiguous' });
  });

  it('finds one in any header in which it is put once', () => {
    const other = fc
      .string({ unit: 'binary-ascii' })
      .map((text) => text.replaceAll(';', ''))
      .filter((text) => !text.includes(`${NAME}=`));
    fc.assert(
      fc.property(fc.array(other), fc.array(other), (before, after) => {
        expect(read([...before, `${NAME}=abc`, ...after].join(';'))).toEqual(token('abc'));
      }),
    );
  });
});

const ATTRIBUTES: CookieAttributes = {
  name: NAME,
  sameSite: 'strict',
  secure: true,
  path: '/',
  domain: null,
};

describe('tokenCookie', () => {
  const secure = 'Path=/; HttpOnly; Secure; SameSite=Strict';

  it('keeps the token from scripts, from plain http and from other sites', () => {
    expect(tokenCookie(ATTRIBUTES, 'abc', 36_000_000)).toBe(
      `${NAME}=abc; Max-Age=36000; ${secure}`,
    );
    expect(tokenCookie(ATTRIBUTES, 'abc', null)).toBe(`${NAME}=abc; ${secure}`);
  });

  it.each([
    ['rounded up to a second', 1_001, 2],
    ['at most 400 days', 401 * 86_400_000, 34_560_000],
    ['400 days for ever', Number.POSITIVE_INFINITY, 34_560_000],
    ['never negative', -5_000, 0],
  ])('has a Max-Age %s', (_, ms, seconds) => {
    expect(tokenCookie(ATTRIBUTES, 'abc', ms)).toContain(`; Max-Age=${String(seconds)};`);
  });

  it('has the attributes of the options', () => {
    const attributes: CookieAttributes = {
      name: 'sid',
      sameSite: 'lax',
      secure: false,
      path: '/api',
      domain: 'example.com',
    };
    expect(tokenCookie(attributes, 'abc', null)).toBe(
      'sid=abc; Domain=example.com; Path=/api; HttpOnly; SameSite=Lax',
    );
    const none = tokenCookie({ ...ATTRIBUTES, sameSite: 'none' }, 'abc', null);
    expect(none).toMatch(/; Secure; SameSite=None$/);
  });
});

describe('clearedCookie', () => {
  it('has the attributes without which browsers would keep the cookie', () => {
    expect(clearedCookie(ATTRIBUTES)).toBe(
      `${NAME}=; Max-Age=0; Path=/; HttpOnly; Secure; SameSite=Strict`,
    );
  });
});

describe('parseTransport', () => {
  it.each([
    ['/auth/login', null],
    ['/auth/login?', null],
    ['/auth/login?x=cookie', null],
    ['/auth/login?transport=header', 'header'],
    ['/auth/login?x=1&transport=cookie', 'cookie'],
    ['/auth/login?transport=cookie#transport=header', 'cookie'],
    ['/auth/login?transport=%63ookie', 'cookie'],
    ['/auth/login?transport', undefined],
    ['/auth/login?transport=', undefined],
    ['/auth/login?transport=Cookie', undefined],
    ['/auth/login?transport=body', undefined],
    ['/auth/login?transport=toString', undefined],
    ['/auth/login?transport=header&transport=header', undefined],
    ['/auth/login?x?transport=header', null],
  ])('reads %s', (url, expected) => {
    expect(parseTransport({ headers: {}, url })).toBe(expected);
    expect(parseTransport({ headers: {}, url: '/login', originalUrl: url })).toBe(expected);
  });

  it('finds none in a request without a URL', () => {
    expect(parseTransport({ headers: {} })).toBeNull();
  });
});
