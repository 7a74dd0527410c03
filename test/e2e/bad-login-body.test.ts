import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startApp, type AdapterName, type TestApp } from '../support/app.ts';
import { JOHN, recordedCredentials } from '../support/credentials.ts';
import { badRequest, CHALLENGES, ERRORS } from '../support/errors.ts';
import type { Answer } from '../support/http-client.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import { sendRaw } from '../support/raw-socket.ts';
import { tableRows } from '../support/table-rows.ts';

const SECRET = 'correct-horse';
const NOT_AN_OBJECT = 'The body must be a JSON object.';
const NOT_JSON = 'The body must be JSON, sent as application/json.';
const FORM = 'application/x-www-form-urlencoded';

describe.each<AdapterName>(['express', 'fastify'])('a login body on %s', (adapter) => {
  let test: TestApp;
  let before: unknown;
  const logs = new LogRecorder();
  const verifyCredentials = recordedCredentials(() => test);
  beforeAll(async () => {
    test = await startApp({
      adapter,
      knox: { verifyCredentials },
      configure: (app) => app.useLogger(logs),
    });
    await test.tokens.create(test.john);
    before = await tableRows(test);
  });
  beforeEach(() => {
    verifyCredentials.mockClear();
  });
  afterEach(async () => {
    expect(await tableRows(test)).toEqual(before);
    expect(logs.text).not.toContain(SECRET);
  });
  afterAll(() => test.close());

  const login = (body: unknown, type = 'application/json'): Promise<Answer> =>
    test.client.post('/auth/login', { body, headers: { 'content-type': type } });

  async function expectRefusal(answer: Answer, message: string): Promise<void> {
    expect([answer.status, answer.body]).toEqual([400, badRequest(message)]);
    expect(answer.headers['www-authenticate']).toBeUndefined();
    expect(answer.text).not.toContain(SECRET);
    expect(verifyCredentials).not.toHaveBeenCalled();
  }

  const VALUES: [string, unknown, string][] = [
    ['null', null, 'must be a string'],
    ['a number', 1, 'must be a string'],
    ['true', true, 'must be a string'],
    ['an array', ['john.doe'], 'must be a string'],
    ['an empty array', [], 'must be a string'],
    ['an object', { $ne: '' }, 'must be a string'],
    ['an object that plays a string', { length: 8, toString: 'x' }, 'must be a string'],
    ['a NUL', 'john\0doe', 'must not contain a NUL character'],
    ['a lone high surrogate', 'john\ud800', 'must be well-formed Unicode'],
    ['a lone low surrogate', '\udc00doe', 'must be well-formed Unicode'],
    ['15,000 characters', 'a'.repeat(15_000), 'must have at most 4096 characters'],
  ];

  it.each(VALUES)('whose username is %s is unusable', async (_, value, problem) => {
    const answer = await login({ username: value, password: SECRET });
    await expectRefusal(answer, `"username" ${problem}.`);
  });

  it.each(VALUES)('whose password is %s is unusable', async (_, value, problem) => {
    const answer = await login({ username: 'john.doe', password: value });
    await expectRefusal(answer, `"password" ${problem}.`);
  });

  it.each<[string, unknown, string]>([
    ['without a password', { username: 'john.doe' }, '"password" is required.'],
    ['without a username', { password: SECRET }, '"username" is required.'],
    ['of other fields', { user: 'john.doe', pass: SECRET }, '"username" is required.'],
    ['of other capitals', { Username: 'john.doe', Password: SECRET }, '"username" is required.'],
    ['that is an array', [JOHN], NOT_AN_OBJECT],
    ['that is an empty array', [], NOT_AN_OBJECT],
  ])('%s is unusable', async (_, body, message) => {
    await expectRefusal(await login(body), message);
  });

  it.each([
    ['null', 'null'],
    ['a string', JSON.stringify(SECRET)],
    ['a number', '1'],
    ['true', 'true'],
    ['cut off', `{"username":"john.doe","password":"${SECRET}`],
    ['in single quotes', `{'username':'john.doe','password':'${SECRET}'}`],
    ['no JSON at all', `username=john.doe&password=${SECRET}`],
    ['followed by more', `{"username":"john.doe","password":"${SECRET}"}{}`],
    ['white space', '   '],
  ])('that is %s is unusable, and is not echoed', async (_, body) => {
    await expectRefusal(await login(body), NOT_AN_OBJECT);
  });

  it.each([
    '/auth/login?x=1',
    '/auth/login#x',
    '/auth/%6cogin',
    '/auth\\login#x',
    'http://x/auth/login',
  ])('is not echoed, however the path is written: %s', async (path) => {
    const lines = ['Host: x', 'Connection: close', 'Content-Type: application/json'];
    const { status, text } = await sendRaw(
      test.client.url,
      [`POST ${path} HTTP/1.1`, ...lines, `Content-Length: ${SECRET.length}`, '', SECRET].join(
        '\r\n',
      ),
    );
    expect(status).toBe(400);
    expect(text).toContain(JSON.stringify(badRequest(NOT_AN_OBJECT)));
    expect(text).not.toContain(SECRET);
  });

  it.each([
    ['__proto__', `{"__proto__":{"username":"john.doe","password":"${SECRET}"}}`],
    ['constructor', `{"constructor":{"prototype":{"username":"john.doe"}}}`],
  ])('that sets %s is unusable, and nothing is inherited from it', async (_, body) => {
    const answer = await login(body);
    expect([answer.status, answer.body.code]).toEqual([400, 'invalid_request']);
    expect(answer.text).not.toContain(SECRET);
    expect(verifyCredentials).not.toHaveBeenCalled();
    expect(Object.hasOwn(Object.prototype, 'username')).toBe(false);
    const after = await login({});
    expect([after.status, after.body]).toEqual([401, ERRORS.notAuthenticated]);
  });

  it.each([
    ['an operator', 'username[$ne]=x&password[$ne]=x'],
    ['a list', 'username=john.doe&username=jane.doe&password=x'],
    ['a list in brackets', 'username[]=john.doe&password=x'],
    ['only one of the two', `password=${SECRET}`],
    ['good credentials', 'username=john.doe&password=hunter2'],
  ])('that is a form with %s is unusable', async (_, body) => {
    await expectRefusal(await login(body, FORM), NOT_JSON);
  });

  it('that is a form of __proto__ alone holds no credentials', async () => {
    const answer = await login(`__proto__[username]=john.doe&__proto__[password]=${SECRET}`, FORM);
    // The parser of Express makes an empty form of it.
    const { status, body } = answer;
    const empty = adapter === 'express' ? ERRORS.notAuthenticated : badRequest(NOT_JSON);
    expect([status, body]).toEqual([empty.statusCode, empty]);
    expect(verifyCredentials).not.toHaveBeenCalled();
  });

  it.each([
    ['text/plain', `{"username":"john.doe","password":"${SECRET}"}`],
    ['application/xml', `<password>${SECRET}</password>`],
    ['multipart/form-data', SECRET],
    ['application/json; charset=nonsense', '{"username":1}'],
  ])('of type %s is refused with a 4xx', async (type, body) => {
    const answer = await login(body, type);
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
    expect(answer.text).not.toContain(SECRET);
    expect(verifyCredentials).not.toHaveBeenCalled();
  });

  it('of two megabytes is refused with a 413', async () => {
    const answer = await login({ username: 'john.doe', password: SECRET.repeat(200_000) });
    expect(answer.status).toBe(413);
    expect(answer.text).not.toContain(SECRET);
    expect(verifyCredentials).not.toHaveBeenCalled();
  });

  it('may hold up to 4096 characters of any script, which reach verifyCredentials as they are', async () => {
    for (const [username, password] of [
      ['a'.repeat(4096), 'b'.repeat(4096)],
      ['jürgen 😀', '  spaces\tand\nlines  '],
      ['', ''],
      ['__proto__', 'constructor'],
    ] as const) {
      verifyCredentials.mockClear();
      const { status, body, headers } = await login({ username, password });
      expect([status, body]).toEqual([401, ERRORS.invalidCredentials]);
      expect(headers['www-authenticate']).toBe(CHALLENGES.token);
      expect(verifyCredentials).toHaveBeenCalledTimes(1);
      expect(verifyCredentials.mock.calls[0]?.slice(0, 2)).toEqual([username, password]);
    }
  });
});
