import { describe, expect, it } from '@jest/globals';
import type { KnoxRequest } from '../../lib/requests/knox-request.ts';
import { onlyReads, passesOriginCheck } from '../../lib/requests/origin.check.ts';

type Headers = Record<string, string>;

const TRUSTED = ['https://app.example.com', 'capacitor://localhost'];

const passes = (headers: Headers, rawHeaders?: string[]) =>
  passesOriginCheck({ headers, ...(rawHeaders && { rawHeaders }) }, TRUSTED);

/** The headers of a request to example.com. */
const to = (headers: Headers): Headers => ({ host: 'example.com', ...headers });

const PASSED: [string, Headers][] = [
  ['no header that a page would add', to({})],
  ['Sec-Fetch-Site: same-origin', to({ 'sec-fetch-site': 'same-origin' })],
  ['Sec-Fetch-Site: none', to({ 'sec-fetch-site': 'none' })],
  [
    'Sec-Fetch-Site: same-origin, where a proxy has changed the Host',
    { host: 'backend:3000', 'sec-fetch-site': 'same-origin', origin: 'https://example.com' },
  ],
  ['the Origin of the host, by https', to({ origin: 'https://example.com' })],
  ['the Origin of the host, by http', to({ origin: 'http://example.com' })],
  ['the Origin of the host in other letters', to({ origin: 'https://EXAMPLE.com' })],
  ['the Origin of a host in other letters', { host: 'Example.COM', origin: 'https://example.com' }],
  ['a Host with the port of https', { host: 'example.com:443', origin: 'https://example.com' }],
  ['a Host with the port of http', { host: 'example.com:80', origin: 'http://example.com' }],
  ['an Origin with the port of https', to({ origin: 'https://example.com:443' })],
  ['one port', { host: 'example.com:8443', origin: 'https://example.com:8443' }],
  ['an address', { host: '127.0.0.1:3000', origin: 'http://127.0.0.1:3000' }],
  ['an IPv6 address', { host: '[::1]:3000', origin: 'http://[::1]:3000' }],
  ['the :authority of HTTP/2', { ':authority': 'example.com', origin: 'https://example.com' }],
  ['a trusted Origin', to({ origin: 'https://app.example.com' })],
  ['a trusted Origin of an app', to({ origin: 'capacitor://localhost' })],
  [
    'a trusted Origin of another site',
    to({ origin: 'https://app.example.com', 'sec-fetch-site': 'cross-site' }),
  ],
];

const REFUSED: [string, Headers][] = [
  ['another Origin', to({ origin: 'https://evil.example' })],
  ['Origin: null', to({ origin: 'null' })],
  ['Origin: null to a host of that name', { host: 'null', origin: 'null' }],
  ['an empty Origin', to({ origin: '' })],
  ['an Origin that is none', to({ origin: 'example.com' })],
  ['Sec-Fetch-Site: cross-site without an Origin', to({ 'sec-fetch-site': 'cross-site' })],
  ['Sec-Fetch-Site: same-site without an Origin', to({ 'sec-fetch-site': 'same-site' })],
  [
    'Sec-Fetch-Site: same-site with the Origin of the host',
    to({ 'sec-fetch-site': 'same-site', origin: 'https://example.com' }),
  ],
  ['a Sec-Fetch-Site that there is not', to({ 'sec-fetch-site': 'same-planet' })],
  ['a Sec-Fetch-Site in other letters', to({ 'sec-fetch-site': 'Same-Origin' })],
  ['an empty Sec-Fetch-Site', to({ 'sec-fetch-site': '' })],
  ['two values of Sec-Fetch-Site', to({ 'sec-fetch-site': 'same-origin, same-origin' })],
  ['a host under the host', to({ origin: 'https://www.example.com' })],
  ['the host over it', { host: 'www.example.com', origin: 'https://example.com' }],
  ['a host that begins as it does', to({ origin: 'https://example.com.evil.example' })],
  ['a host that ends as it does', to({ origin: 'https://evil-example.com' })],
  ['the host with a dot', to({ origin: 'https://example.com.' })],
  ['the host as a user', to({ origin: 'https://example.com@evil.example' })],
  ['the host with a user', to({ origin: 'https://user@example.com' })],
  ['the host as a path', to({ origin: 'https://evil.example/example.com' })],
  ['the host with a path', to({ origin: 'https://example.com/' })],
  ['an escaped letter', to({ origin: 'https://ex%61mple.com' })],
  ['another port', to({ origin: 'https://example.com:8443' })],
  ['no port where the host has one', { host: 'example.com:8443', origin: 'https://example.com' }],
  ['the port of https by http', { host: 'example.com:443', origin: 'http://example.com' }],
  ['the port of http by https', { host: 'example.com:80', origin: 'https://example.com' }],
  ['another scheme', { host: 'localhost:0', origin: 'app://localhost' }],
  ['an extension of the host’s name', to({ origin: 'chrome-extension://example.com' })],
  ['two Origins', to({ origin: 'https://example.com, https://example.com' })],
  ['two Origins in a line', to({ origin: 'https://example.com https://example.com' })],
  ['no Host', { origin: 'https://example.com' }],
  ['an empty Host', { host: '', origin: 'https://' }],
  ['two Hosts in a line', { host: 'example.com, evil.example', origin: 'https://example.com' }],
  [
    'another :authority than Host',
    { ':authority': 'evil.example', host: 'example.com', origin: 'https://example.com' },
  ],
  [
    'the host that a proxy forwards',
    to({ 'x-forwarded-host': 'public.example', origin: 'https://public.example' }),
  ],
  ['a trusted Origin with a slash', to({ origin: 'https://app.example.com/' })],
  ['a trusted Origin by http', to({ origin: 'http://app.example.com' })],
  ['a host under a trusted Origin', to({ origin: 'https://x.app.example.com' })],
  ['a trusted Origin and another', to({ origin: 'https://app.example.com,https://evil.example' })],
];

describe('passesOriginCheck', () => {
  it.each(PASSED)('lets pass %s', (_, headers) => {
    expect(passes(headers)).toBe(true);
  });

  it.each(REFUSED)('refuses %s', (_, headers) => {
    expect(passes(headers)).toBe(false);
  });

  it.each([
    ['Origin', 'https://example.com'],
    ['Origin', 'https://app.example.com'],
    ['Host', 'example.com'],
    ['Sec-Fetch-Site', 'same-origin'],
  ])('refuses a second %s: %s', (name, value) => {
    const headers = to({ [name.toLowerCase()]: value });
    expect(passes(headers, [name, value])).toBe(true);
    expect(passes(headers, [name, value, name.toLowerCase(), value])).toBe(false);
  });

  it('trusts no origin that is not listed', () => {
    const headers = to({ origin: 'https://app.example.com' });
    expect(passesOriginCheck({ headers }, [])).toBe(false);
  });
});

describe('onlyReads', () => {
  const request = (method: string | undefined, more: object = {}): KnoxRequest =>
    ({ headers: {}, app: {}, ...(method !== undefined && { method }), ...more }) as KnoxRequest;

  it.each(['GET', 'HEAD', 'OPTIONS'])('is true for %s', (method) => {
    expect(onlyReads(request(method))).toBe(true);
  });

  it.each(['POST', 'PUT', 'PATCH', 'DELETE', 'QUERY', 'TRACE', 'CONNECT', 'get', '', undefined])(
    'is false for %s',
    (method) => {
      expect(onlyReads(request(method))).toBe(false);
    },
  );

  it('goes by the method that was sent and by the one that a middleware has set', () => {
    expect(onlyReads(request('POST', { headers: { 'x-http-method-override': 'GET' } }))).toBe(
      false,
    );
    expect(onlyReads(request('DELETE', { originalMethod: 'GET' }))).toBe(false);
    expect(onlyReads(request('GET', { originalMethod: 'POST' }))).toBe(false);
    expect(onlyReads(request('GET', { originalMethod: 'GET' }))).toBe(true);
  });

  it('is false for a request that opens a socket', () => {
    expect(onlyReads(request('GET', { headers: { upgrade: 'websocket' } }))).toBe(false);
    expect(onlyReads({ headers: {}, method: 'GET' })).toBe(false);
  });
});
