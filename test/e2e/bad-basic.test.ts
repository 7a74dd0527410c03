import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { PASSWORD, startApp, type TestApp } from '../support/app.ts';
import { recordedCredentials } from '../support/credentials.ts';
import { CHALLENGES, ERRORS } from '../support/errors.ts';
import type { Answer } from '../support/http-client.ts';
import { sendRaw } from '../support/raw-socket.ts';

const encode = (text: string | Uint8Array): string => Buffer.from(text).toString('base64');

describe('HTTP Basic at the login', () => {
  let test: TestApp;
  const verifyCredentials = recordedCredentials(() => test);
  beforeAll(async () => {
    test = await startApp({ knox: { verifyCredentials } });
  });
  beforeEach(() => {
    verifyCredentials.mockClear();
  });
  afterEach(() => test.tokens.revokeAll(test.john));
  afterAll(() => test.close());

  const login = (authorization: string): Promise<Answer> =>
    test.client.post('/auth/login', { headers: { authorization } });

  const good = encode(`john.doe:${PASSWORD}`);

  it.each([
    ['in lower case', `basic ${good}`],
    ['in mixed case', `bASIC ${good}`],
    ['after a tab', `Basic\t${good}`],
    ['after spaces', `Basic   ${good}`],
    ['without padding', `Basic ${good.replace(/=+$/, '')}`],
  ])('is taken %s', async (_, header) => {
    expect((await login(header)).status).toBe(200);
    expect(verifyCredentials.mock.calls[0]?.slice(0, 2)).toEqual(['john.doe', PASSWORD]);
  });

  it.each([
    ['a colon in the password', 'john.doe:a:b:', ['john.doe', 'a:b:']],
    ['no username', ':secret', ['', 'secret']],
    ['no password', 'john.doe:', ['john.doe', '']],
    ['UTF-8', 'jürgen:pässwörd😀', ['jürgen', 'pässwörd😀']],
    ['a byte order mark', '\ufeffjohn:x', ['\ufeffjohn', 'x']],
    ['spaces', ' john : x ', [' john ', ' x ']],
  ])('gives verifyCredentials %s as it is', async (_, text, credentials) => {
    const { status, body } = await login(`Basic ${encode(text)}`);
    expect([status, body]).toEqual([401, ERRORS.invalidCredentials]);
    expect(verifyCredentials.mock.calls.map((call) => call.slice(0, 2))).toEqual([credentials]);
  });

  it.each([
    ['nothing', 'Basic'],
    ['white space', 'Basic  \t '],
    ['no base64', 'Basic !!!!'],
    ['a character of no base64', `Basic ${good}!`],
    ['padding in the middle', `Basic =${good}`],
    ['padding alone', 'Basic =='],
    ['the credentials in the clear', 'Basic john.doe:hunter2'],
    ['two words', `Basic ${good} ${good}`],
    ['quotes', `Basic "${good}"`],
    ['NBSP', `Basic ${good}\u00a0`],
    ['no colon', `Basic ${encode('john.doe')}`],
    ['a NUL', `Basic ${encode('john.doe:hunter2\0')}`],
    ['a line break', `Basic ${encode('john.doe\n:hunter2')}`],
    ['DEL', `Basic ${encode('john.doe:hunter2\x7f')}`],
    ['no UTF-8', `Basic ${encode(Uint8Array.of(0x6a, 0x3a, 0xff))}`],
    ['a lone surrogate', `Basic ${encode(Uint8Array.of(0x6a, 0x3a, 0xed, 0xa0, 0x80))}`],
    ['an overlong colon', `Basic ${encode(Uint8Array.of(0x6a, 0xc0, 0xba, 0x6a))}`],
    ['10,000 characters of username', `Basic ${encode(`${'a'.repeat(10_000)}:x`)}`],
    ['10,000 characters of password', `Basic ${encode(`x:${'a'.repeat(10_000)}`)}`],
    ['15,000 characters of base64', `Basic ${'a'.repeat(15_000)}`],
  ])(
    'is refused with %s in it, like a wrong password, without a call of verifyCredentials',
    async (_, header) => {
      const { status, body, headers } = await login(header);
      expect([status, body]).toEqual([401, ERRORS.invalidCredentials]);
      expect(headers['www-authenticate']).toBe(CHALLENGES.basic);
      expect(verifyCredentials).not.toHaveBeenCalled();
      expect(await test.rows.count()).toBe(0);
    },
  );

  it.each([
    ['NBSP after the scheme', `Basic\u00a0${good}`],
    ['no space after the scheme', `Basic${good}`],
    ['a scheme that begins alike', `Basics ${good}`],
  ])('is not read from %s', async (_, header) => {
    const { status, body, headers } = await login(header);
    expect([status, body]).toEqual([401, ERRORS.notAuthenticated]);
    expect(headers['www-authenticate']).toBe(CHALLENGES.basic);
    expect(verifyCredentials).not.toHaveBeenCalled();
  });

  it('is refused where two header lines bring it', async () => {
    const lines = ['Host: x', 'Connection: close', 'Content-Length: 0'];
    const headers = [`Authorization: Basic ${good}`, `authorization: Basic ${good}`];
    const { status, text } = await sendRaw(
      test.client.url,
      ['POST /auth/login HTTP/1.1', ...lines, ...headers, '', ''].join('\r\n'),
    );
    expect(status).toBe(401);
    expect(text).toContain(JSON.stringify(ERRORS.ambiguousHeader));
    expect(verifyCredentials).not.toHaveBeenCalled();
    expect(await test.rows.count()).toBe(0);
  });

  it('opens no guarded route', async () => {
    const authorization = `Basic ${good}`;
    const { status, body } = await test.client.get('/me', { headers: { authorization } });
    expect([status, body]).toEqual([401, ERRORS.notAuthenticated]);
  });
});
