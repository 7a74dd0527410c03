import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startApp, type AdapterName, type TestApp } from '../support/app.ts';
import { ERRORS } from '../support/errors.ts';
import type { Answer } from '../support/http-client.ts';
import { sendRaw } from '../support/raw-socket.ts';
import { tableRows } from '../support/table-rows.ts';
import { SqlLog } from '../support/sql-log.ts';

const NBSP = '\u00a0';
const LONG = 15_000;

describe.each<AdapterName>(['express', 'fastify'])('the Authorization header on %s', (adapter) => {
  let test: TestApp;
  let token: string;
  let sql: SqlLog;
  let before: unknown;
  beforeAll(async () => {
    test = await startApp({ adapter });
    ({ token } = await test.tokens.create(test.john));
    await test.tokens.create(test.jane);
    before = await tableRows(test);
    sql = new SqlLog(test.dataSource);
  });
  beforeEach(() => sql.clear());
  afterEach(async () => {
    expect(await tableRows(test)).toEqual(before);
  });
  afterAll(() => test.close());

  const ask = (authorization: string | string[]): Promise<Answer> =>
    test.client.get('/me', { headers: { authorization } });

  it.each<[string, (token: string) => string]>([
    ['the scheme in lower case', (t) => `token ${t}`],
    ['the scheme in upper case', (t) => `TOKEN ${t}`],
    ['the scheme in mixed case', (t) => `tOKeN ${t}`],
    ['a tab between', (t) => `Token\t${t}`],
    ['two spaces between', (t) => `Token  ${t}`],
    ['spaces and tabs between and around', (t) => ` \t Token \t ${t} \t`],
  ])('takes %s', async (_, header) => {
    const { status, body } = await ask(header(token));
    expect([status, body.username]).toEqual([200, 'john.doe']);
  });

  const REFUSED: [string, (token: string) => string, object][] = [
    ['nothing', () => '', ERRORS.notAuthenticated],
    ['a space', () => ' ', ERRORS.notAuthenticated],
    ['the token alone', (t) => t, ERRORS.notAuthenticated],
    ['no space between', (t) => `Token${t}`, ERRORS.notAuthenticated],
    ['NBSP between', (t) => `Token${NBSP}${t}`, ERRORS.notAuthenticated],
    ['a vertical line between', (t) => `Token|${t}`, ERRORS.notAuthenticated],
    ['a comma after the scheme', (t) => `Token, ${t}`, ERRORS.notAuthenticated],
    ['a quoted scheme', (t) => `"Token" ${t}`, ERRORS.notAuthenticated],
    ['the scheme and spaces', () => `Token${' '.repeat(LONG)}`, ERRORS.emptyHeader],
    ['two tokens', (t) => `Token ${t} ${t}`, ERRORS.ambiguousHeader],
    ['two tokens after a tab', (t) => `Token\t${t}\t${t}`, ERRORS.ambiguousHeader],
    ['two headers in one', (t) => `Token ${t}, Token ${t}`, ERRORS.ambiguousHeader],
    ['a token and a remark', (t) => `Token ${t} x`, ERRORS.ambiguousHeader],
    ['thousands of tokens', () => `Token ${'a '.repeat(LONG / 2)}`, ERRORS.ambiguousHeader],
  ];

  /** Tokens that the package can refuse without the database, because it never makes such tokens. */
  const IMPOSSIBLE: [string, (token: string) => string][] = [
    ['15,000 characters', () => `Token ${'a'.repeat(LONG)}`],
    ['267 characters, one more than any token has', () => `Token ${'a'.repeat(267)}`],
    ['NBSP at its end', (t) => `Token ${t}${NBSP}`],
    ['nothing but NBSP', () => `Token ${NBSP}`],
    ['letters past ASCII', (t) => `Token ${t}é`],
    ['UTF-8 bytes', (t) => `Token ${Buffer.from(`${t}🔑`).toString('latin1')}`],
  ];

  const UNKNOWN: [string, (token: string) => string][] = [
    ['one character too many', (t) => `Token ${t}1`],
    ['one character too few', (t) => `Token ${t.slice(0, -1)}`],
    ['its first 15 characters alone', (t) => `Token ${t.slice(0, 15)}`],
    ['upper case', (t) => `Token ${t.toUpperCase()}`],
    ['quotes around', (t) => `Token "${t}"`],
    ['a name that every object has', () => 'Token __proto__'],
    ['another such name', () => 'Token constructor'],
    ['a wildcard', () => 'Token %'],
    ['SQL', () => "Token 'OR'1'='1"],
    ['266 characters, as the longest token has', () => `Token ${'a'.repeat(266)}`],
  ];

  it.each(REFUSED)('refuses %s', async (_, header, error) => {
    const { status, body } = await ask(header(token));
    expect([status, body]).toEqual([401, error]);
    expect(sql.statements).toEqual([]);
  });

  it.each(IMPOSSIBLE)('refuses a token of %s, without asking the database', async (_, header) => {
    const { status, body } = await ask(header(token));
    expect([status, body]).toEqual([401, ERRORS.invalidToken]);
    expect(sql.statements).toEqual([]);
  });

  it.each(UNKNOWN)('refuses a token with %s', async (_, header) => {
    const { status, body } = await ask(header(token));
    expect([status, body]).toEqual([401, ERRORS.invalidToken]);
    expect(sql.writes).toEqual([]);
  });

  describe('on the wire', () => {
    const get = (...lines: string[]): Promise<{ status: number; text: string }> =>
      sendRaw(
        test.client.url,
        ['GET /me HTTP/1.1', 'Host: x', 'Connection: close', ...lines, '', ''].join('\r\n'),
      );

    it('is found under its name in any case', async () => {
      expect((await get(`AUTHORIZATION: Token ${token}`)).status).toBe(200);
      expect((await get(`authorization:Token ${token}`)).status).toBe(200);
    });

    it.each<[string, (token: string) => string[]]>([
      ['the same twice', (t) => [`Authorization: Token ${t}`, `Authorization: Token ${t}`]],
      ['in two spellings', (t) => [`Authorization: Token ${t}`, 'AUTHORIZATION: Token x']],
      ['the first empty', (t) => ['Authorization:', `Authorization: Token ${t}`]],
      ['the second empty', (t) => [`Authorization: Token ${t}`, 'Authorization: ']],
      ['one of another scheme', (t) => ['Authorization: Basic eDp5', `authorization: Token ${t}`]],
    ])('is refused where there are two of it: %s', async (_, lines) => {
      const { status, text } = await get(...lines(token));
      expect(status).toBe(401);
      expect(text).toContain(JSON.stringify(ERRORS.ambiguousHeader));
      expect(sql.statements).toEqual([]);
    });

    it('is not read from Proxy-Authorization', async () => {
      const { status, text } = await get(`Proxy-Authorization: Token ${token}`);
      expect(status).toBe(401);
      expect(text).toContain(JSON.stringify(ERRORS.notAuthenticated));
    });

    it('may hold no NUL', async () => {
      expect((await get(`Authorization: Token ${token}\0`)).status).toBe(400);
      expect((await get(`Authorization: Token\0${token}`)).status).toBe(400);
      expect(sql.statements).toEqual([]);
    });

    it('may not be longer than Node takes', async () => {
      expect((await get(`Authorization: Token ${'a'.repeat(20_000)}`)).status).toBe(431);
      expect(sql.statements).toEqual([]);
    });
  });
});
