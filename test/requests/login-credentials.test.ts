import { describe, expect, it } from '@jest/globals';
import type { KnoxRequest } from '../../lib/requests/knox-request.ts';
import { parseLoginCredentials } from '../../lib/requests/login-credentials.ts';
import fc from '../support/fast-check.ts';

const FIELDS = { usernameField: 'username', passwordField: 'password' };
const JOHN = { username: 'john', password: 'hunter2' };

const request = (body: unknown, ...authorization: string[]): KnoxRequest => ({
  headers: { authorization: authorization[0], 'content-type': 'application/json' },
  rawHeaders: authorization.flatMap((value) => ['Authorization', value]),
  body,
});
const read = (body: unknown, ...authorization: string[]) =>
  parseLoginCredentials(request(body, ...authorization), FIELDS);
const basic = (text: string | Buffer): string =>
  `Basic ${Buffer.from(text as string).toString('base64')}`;

describe('loginCredentials', () => {
  describe('of HTTP Basic', () => {
    it.each([
      ['john:hunter2', 'john', 'hunter2'],
      ['john:hunter:2:', 'john', 'hunter:2:'],
      ['john:', 'john', ''],
      [':hunter2', '', 'hunter2'],
      [':', '', ''],
      ['jöhn:pässwörd 密码 🔑', 'jöhn', 'pässwörd 密码 🔑'],
      ['\ufeffjohn:hunter2', '\ufeffjohn', 'hunter2'],
      [' john : hunter2 ', ' john ', ' hunter2 '],
    ])('reads %j', (text, username, password) => {
      expect(read(undefined, basic(text))).toEqual({ via: 'basic', username, password });
    });

    it.each([
      ['basic am9objpodW50ZXIy'],
      ['BASIC am9objpodW50ZXIy'],
      ['Basic   am9objpodW50ZXIy'],
      ['Basic\tam9objpodW50ZXIy '],
    ])('reads %j', (header) => {
      expect(read(undefined, header)).toEqual({ via: 'basic', ...JOHN });
    });

    it('reads base64 without its padding', () => {
      expect(read(undefined, 'Basic am9objpodW50ZXIyIQ')).toEqual({
        via: 'basic',
        username: 'john',
        password: 'hunter2!',
      });
    });

    it('reads whatever RFC 7617 allows', () => {
      const text = fc.string({ unit: 'grapheme' });
      fc.assert(
        fc.property(text, text, (name, password) => {
          const username = name.replaceAll(':', '');
          expect(read({}, basic(`${username}:${password}`))).toEqual({
            via: 'basic',
            username,
            password,
          });
        }),
      );
    });

    const NOT_BASE64 = 'The Basic credentials are not base64.';
    const NOT_UTF8 = 'The Basic credentials are not UTF-8.';
    const MALFORMED = 'The Basic credentials are malformed.';
    it.each([
      ['nothing after the scheme', 'Basic', NOT_BASE64],
      ['two words after the scheme', `${basic('john:hunter2')} x`, NOT_BASE64],
      ['the credentials in the clear', 'Basic john:hunter2', NOT_BASE64],
      ['padding alone', 'Basic ==', NOT_BASE64],
      ['padding in the middle', 'Basic am9o=bjpodW50ZXIy', NOT_BASE64],
      ['Latin-1', basic(Buffer.from('jöhn:hunter2', 'latin1')), NOT_UTF8],
      ['a surrogate in UTF-8', basic(Buffer.from('6a3aeda080', 'hex')), NOT_UTF8],
      ['no colon', basic('john'), 'The Basic credentials hold no colon.'],
      ['NUL in the username', basic('jo\0hn:hunter2'), MALFORMED],
      ['NUL in the password', basic('john:hunter\0'), MALFORMED],
      ['a line break', basic('john:hunter2\n'), MALFORMED],
      ['DEL', basic('john\u007f:hunter2'), MALFORMED],
      ['a username of 4,097 characters', basic(`${'j'.repeat(4097)}:hunter2`), MALFORMED],
      ['a password of 15,000 characters', basic(`john:${'h'.repeat(15_000)}`), MALFORMED],
    ])('refuses %s', (_, header, malformed) => {
      expect(read(undefined, header)).toEqual({ via: 'basic', malformed });
    });

    it.each([undefined, null, {}, [], 'text', { device: 'phone' }])(
      'minds no body that holds no credentials: %j',
      (body) => {
        expect(read(body, basic('john:hunter2'))).toEqual({ via: 'basic', ...JOHN });
      },
    );

    it.each([
      ['both fields', JOHN],
      ['a username', { username: 'john' }],
      ['a password', { password: 'hunter2' }],
      ['a field that is null', { username: null }],
    ])('takes no side between it and a body with %s', (_, body) => {
      expect(read(body, basic('john:hunter2'))).toEqual({ via: 'both' });
      expect(read(body, 'Basic')).toEqual({ via: 'both' });
    });
  });

  describe('of two Authorization headers', () => {
    it.each([
      [basic('john:hunter2'), basic('john:hunter2')],
      [basic('john:hunter2'), 'Token abc'],
      ['Token abc', basic('john:hunter2')],
      ['Token abc', 'Token abc'],
    ])('takes neither: %j and %j', (...headers) => {
      expect(read(undefined, ...headers)).toEqual({ via: 'ambiguous' });
      expect(read(JOHN, ...headers)).toEqual({ via: 'ambiguous' });
    });
  });

  describe('of nothing', () => {
    it.each([
      ['no header and no body', undefined, []],
      ['no header and an empty object', {}, []],
      ['another scheme’s header and no body', undefined, ['Token abc']],
      ['an empty header', undefined, ['']],
    ])('finds none: %s', (_, body, headers) => {
      expect(read(body, ...headers)).toEqual({ via: 'nothing' });
    });
  });

  describe('of a body', () => {
    it.each<[string, unknown]>([
      ['two strings', JOHN],
      ['fields more', { ...JOHN, device: 'phone', admin: true }],
      ['an object without a prototype', Object.assign(Object.create(null) as object, JOHN)],
    ])('reads %s', (_, body) => {
      expect(read(body)).toEqual({ via: 'body', ...JOHN });
      expect(read(body, 'Token abc')).toEqual({ via: 'body', ...JOHN });
    });

    it('reads values up to 4,096 characters as they are', () => {
      const long = 'x'.repeat(4096);
      const body = { username: ` ${long.slice(1)}`, password: '' };
      expect(read(body)).toEqual({ via: 'body', ...body });
    });

    it('reads the fields that the options name', () => {
      const fields = { usernameField: 'email', passwordField: 'pin' };
      const body = { email: 'john@example.com', pin: '1234', ...JOHN };
      expect(parseLoginCredentials(request(body), fields)).toEqual({
        via: 'body',
        username: 'john@example.com',
        password: '1234',
      });
      expect(parseLoginCredentials(request(JOHN), fields)).toEqual({
        via: 'body',
        malformed: '"email" is required.',
      });
    });

    it.each([null, 'text', '', 0, 7, true, false, [], [JOHN], ['john', 'hunter2']])(
      'refuses a body that is no object: %j',
      (body) => {
        expect(read(body)).toEqual({ via: 'body', malformed: 'The body must be a JSON object.' });
      },
    );

    const INHERITED = JSON.parse('{"__proto__": {"username": "john", "password": "hunter2"}}');
    it.each<[string, unknown, string]>([
      ['no username', { password: 'hunter2' }, '"username" is required.'],
      ['no password', { username: 'john' }, '"password" is required.'],
      ['neither', { device: 'phone' }, '"username" is required.'],
      ['credentials under __proto__', INHERITED, '"username" is required.'],
      ['credentials inherited', Object.create(JOHN), '"username" is required.'],
      ['a username that is null', { ...JOHN, username: null }, '"username" must be a string.'],
      [
        'a username that is an object',
        { ...JOHN, username: { $ne: 'x' } },
        '"username" must be a string.',
      ],
      [
        'a username that is an array',
        { ...JOHN, username: ['john'] },
        '"username" must be a string.',
      ],
      ['a password that is a number', { ...JOHN, password: 1234 }, '"password" must be a string.'],
      ['a password that is true', { ...JOHN, password: true }, '"password" must be a string.'],
      [
        'a username too long',
        { ...JOHN, username: 'j'.repeat(4097) },
        '"username" must have at most 4096 characters.',
      ],
      [
        'a password too long',
        { ...JOHN, password: 'h'.repeat(15_000) },
        '"password" must have at most 4096 characters.',
      ],
      [
        'NUL in the username',
        { ...JOHN, username: 'john\0' },
        '"username" must not contain a NUL character.',
      ],
      [
        'NUL in the password',
        { ...JOHN, password: '\0' },
        '"password" must not contain a NUL character.',
      ],
      [
        'a lone surrogate in the username',
        { ...JOHN, username: 'john\ud800' },
        '"username" must be well-formed Unicode.',
      ],
      [
        'a lone surrogate in the password',
        { ...JOHN, password: '\udc00' },
        '"password" must be well-formed Unicode.',
      ],
    ])('refuses %s', (_, body, malformed) => {
      // An object without own properties would count as no body.
      const own = Object.keys(body as object).length === 0 ? { device: 'phone' } : {};
      expect(read(Object.assign(body as object, own))).toEqual({ via: 'body', malformed });
    });

    it('makes of any JSON whatever a verdict, and tells of no value in it', () => {
      const secret = fc.constant('s3cret-value');
      const value = fc.oneof(
        fc.jsonValue(),
        secret,
        secret.map((text) => `${text}\0`),
      );
      const fields = fc.record({ username: value, password: value }, { requiredKeys: [] });
      fc.assert(
        fc.property(fc.oneof(fc.jsonValue(), fields), (body) => {
          const found = read(body);
          if ('username' in found) expect(found).toEqual({ via: 'body', ...(body as object) });
          else expect(JSON.stringify(found)).not.toContain('s3cret');
        }),
      );
    });
  });
});

describe('loginCredentials of whatever is sent', () => {
  const halves = fc.constantFrom('a', ':', '\ud83d', '\udd11', '\u00a0');
  const field = fc.oneof(
    fc.jsonValue(),
    fc.string({ unit: 'binary' }),
    fc.string({ unit: halves }),
    fc.string({ minLength: 4_090, maxLength: 4_100 }),
  );
  const body = fc.oneof(
    fc.anything(),
    fc.record({ username: field, password: field }, { requiredKeys: [] }),
    fc.record({ username: field, password: fc.constant('hunter2') }),
  );
  const header = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: 'binary' }).map((text) => `Basic ${text}`),
    fc.uint8Array().map((bytes) => basic(Buffer.from(bytes))),
    fc.string({ unit: 'binary' }).map((text) => basic(`john:${text}`)),
  );
  const type = fc.oneof(fc.string(), fc.constant('application/json'), fc.constant(undefined));

  it('is a verdict, and of credentials strings that any database takes', () => {
    fc.assert(
      fc.property(body, fc.array(header, { maxLength: 2 }), type, (sent, headers, contentType) => {
        const found = parseLoginCredentials(
          {
            headers: { authorization: headers[0], 'content-type': contentType },
            rawHeaders: headers.flatMap((value) => ['Authorization', value]),
            body: sent,
          },
          FIELDS,
        );
        if (headers.length > 1) expect(found).toEqual({ via: 'ambiguous' });
        if (!('username' in found)) return;
        for (const text of [found.username, found.password]) {
          expect(typeof text).toBe('string');
          expect(text.length).toBeLessThanOrEqual(4096);
          expect(text.isWellFormed()).toBe(true);
          expect(text).not.toContain('\0');
        }
      }),
      { numRuns: 500 },
    );
  });
});

describe('loginCredentials of a body', () => {
  const read = (contentType: string | undefined): unknown =>
    parseLoginCredentials(
      { headers: { 'content-type': contentType }, body: { username: 'john', password: 'x' } },
      { usernameField: 'username', passwordField: 'password' },
    );

  it.each(['application/json', 'application/json; charset=utf-8', 'Application/vnd.api+JSON'])(
    'takes %s for JSON',
    (contentType) => {
      expect(read(contentType)).toEqual({ via: 'body', username: 'john', password: 'x' });
    },
  );

  it.each(['application/x-www-form-urlencoded', 'multipart/form-data; boundary=json', undefined])(
    'refuses %s, which a form of another site can send',
    (contentType) => {
      expect(read(contentType)).toEqual({
        via: 'body',
        malformed: 'The body must be JSON, sent as application/json.',
      });
    },
  );
});
