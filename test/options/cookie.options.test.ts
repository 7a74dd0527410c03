import { describe, expect, it } from '@jest/globals';
import { KnoxConfigError } from '../../lib/errors/knox-config.error.ts';
import { resolveOptions } from '../../lib/options/resolve-options.ts';
import { COOKIE, SECRET } from './options.table.ts';

const resolve = (cookie: unknown, others: object = {}) =>
  resolveOptions({ cookie, ...others } as object).cookie;

function refusal(cookie: unknown, others: object = {}): KnoxConfigError {
  try {
    resolve(cookie, others);
  } catch (error) {
    if (error instanceof KnoxConfigError) return error;
    throw error;
  }
  throw new Error('Nothing was thrown.');
}

describe('The option cookie', () => {
  it.each([
    ['another name', { name: 'sid' }, { name: 'sid' }],
    ['SameSite=Lax', { sameSite: 'lax' }, { sameSite: 'lax' }],
    ['SameSite=None', { sameSite: 'none' }, { sameSite: 'none' }],
    ['plain http', { secure: false }, { secure: false, name: 'session' }],
    ['a name and plain http', { secure: false, name: 'sid' }, { secure: false, name: 'sid' }],
    ['a path', { name: '__Secure-sid', path: '/api' }, { name: '__Secure-sid', path: '/api' }],
    ['a domain', { name: 'sid', domain: '.example.com' }, { name: 'sid', domain: '.example.com' }],
    ['a cookie for one run of the browser', { persistent: false }, { persistent: false }],
    [
      'trusted origins',
      {
        trustedOrigins: [
          'https://app.example.com',
          'http://localhost:5173',
          'http://[::1]:3000',
          'capacitor://localhost',
          'chrome-extension://mdnleldcmiljblolnjhpnblkcekpdkpa',
        ],
      },
      {
        trustedOrigins: [
          'https://app.example.com',
          'http://localhost:5173',
          'http://[::1]:3000',
          'capacitor://localhost',
          'chrome-extension://mdnleldcmiljblolnjhpnblkcekpdkpa',
        ],
      },
    ],
    ['null for no domain', { domain: null }, {}],
    ['undefined for what is not given', { name: undefined, domain: undefined }, {}],
  ])('takes %s', (_, given, expected) => {
    expect(resolve(given)).toEqual({ ...COOKIE, ...expected });
  });

  it.each([
    ['name', ['', 'a b', 'a=b', 'a;b', 'é', '"a"', 1]],
    ['sameSite', ['Strict', 'no', true, null]],
    ['secure', ['true', 1, null]],
    ['persistent', ['false', 0, null]],
    ['path', ['', 'api', '/a;b', '/a\nb', '/é', null]],
    ['domain', ['', 'a b', 'example.com;', 'https://example.com', 'example.com:80', true]],
    [
      'trustedOrigins',
      [
        'https://example.com',
        ['https://example.com/'],
        ['https://example.com/app'],
        ['https://Example.com'],
        ['https://example.com:443'],
        ['http://example.com:80'],
        ['https://*.example.com'],
        ['https://user@example.com'],
        ['https://example.com?x'],
        ['*'],
        ['null'],
        ['file://'],
        ['example.com'],
        [''],
        [1],
        [['https://example.com']],
      ],
    ],
  ])('refuses a wrong %s, and says what it expects', (field, values) => {
    for (const value of values) {
      const { option, message } = refusal({ [field]: value });
      expect([value, option]).toEqual([value, 'cookie']);
      expect(message).toMatch(
        new RegExp(`^KnoxModule option "cookie": "${field}" expects .+; got .+\\.$`),
      );
    }
  });

  it('prints no value', () => {
    const values = ['name', 'sameSite', 'path', 'domain', 'trustedOrigins'];
    for (const field of values) {
      expect(refusal({ [field]: `${SECRET} ` }).message).not.toContain(SECRET);
    }
  });

  it.each([
    ['a __Host- name and a domain', { domain: 'example.com' }, "write name: '__Secure-session'"],
    ['a __Host- name and a path', { path: '/api' }, "write name: '__Secure-session'"],
    [
      'a __host- name in small letters and a domain',
      { name: '__host-sid', domain: 'example.com' },
      "write name: '__Secure-session'",
    ],
    ['a __Host- name and http', { name: '__Host-sid', secure: false }, "write name: 'session'"],
    ['a __Secure- name and http', { name: '__SECURE-sid', secure: false }, "name: 'session'"],
    ['a __Http- name and http', { name: '__Http-sid', secure: false }, "write name: 'session'"],
    ['SameSite=None and http', { sameSite: 'none', secure: false }, "write sameSite: 'lax'"],
  ])('refuses what browsers drop, with the remedy: %s', (_, given, remedy) => {
    const { option, message } = refusal(given);
    expect(option).toBe('cookie');
    expect(message).toMatch(/^KnoxModule option "cookie": browsers refuse /);
    expect(message).toContain(remedy);
  });

  it('names the fields, if one is unknown', () => {
    expect(refusal({ httpOnly: true }).message).toBe(
      'KnoxModule option "cookie": there is no field "httpOnly"; remove it; there are name, sameSite, secure, path, ' +
        'domain, persistent, trustedOrigins.',
    );
    expect(refusal({ constructor: SECRET }).message).toContain('no field "constructor"');
  });

  it('refuses extractToken beside it', () => {
    const { option, message } = refusal(true, { extractToken: () => null });
    expect([option, message]).toEqual([
      'cookie',
      'KnoxModule option "cookie": extractToken says alone where the token is; remove one of the two.',
    ]);
    expect(resolve(null, { extractToken: () => null })).toBeNull();
  });

  it('gives settings that cannot be changed', () => {
    const trustedOrigins = ['https://a.example'];
    const settings = resolve({ trustedOrigins });
    trustedOrigins.push('https://b.example');
    expect(settings?.trustedOrigins).toEqual(['https://a.example']);
    expect([settings, settings?.trustedOrigins].every(Object.isFrozen)).toBe(true);
  });
});
