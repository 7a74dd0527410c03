import { ForbiddenException } from '@nestjs/common';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { startApp, type TestApp } from '../support/app.ts';
import { BASIC_JOHN, JOHN } from '../support/credentials.ts';
import { CHALLENGES, ERRORS } from '../support/errors.ts';
import type { Answer } from '../support/http-client.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import { User } from '../support/users.ts';

describe('isUserActive', () => {
  const logs = new LogRecorder();
  let test: TestApp;
  let token: string;
  let isActive: (user: User) => unknown;
  let found: () => unknown;
  beforeAll(async () => {
    isActive = () => true;
    test = await startApp({
      knox: {
        isUserActive: (user: User) => isActive(user),
        verifyCredentials: () => found() as User,
        authTimeout: '50ms',
      },
      configure: (app) => app.useLogger(logs),
    });
  });
  beforeEach(async () => {
    isActive = () => true;
    found = () => test.john;
    logs.lines.length = 0;
    ({ token } = await test.tokens.create(test.john));
  });
  afterEach(() => test.tokens.revokeAll(test.john));
  afterAll(() => test.close());

  const me = (): Promise<Answer> => test.client.get('/me', { token });
  const login = (): Promise<Answer> => test.client.post('/auth/login', { body: JOHN });

  it.each<[string, unknown]>([
    ['true', true],
    ['1', 1],
    ['a promise of true', Promise.resolve(true)],
    ['a promise of 1', Promise.resolve(1)],
  ])('lets the user in with %s', async (_, value) => {
    isActive = () => value;
    expect((await me()).status).toBe(200);
    expect((await login()).status).toBe(200);
  });

  it.each<[string, unknown]>([
    ['false', false],
    ['0', 0],
    ['2', 2],
    ["'true'", 'true'],
    ["'1'", '1'],
    ['null', null],
    ['undefined', undefined],
    ['an object', {}],
    ['[true]', [true]],
    ['a boxed true', Object(true)],
    ['a promise of false', Promise.resolve(false)],
  ])('keeps the user out with %s, at the login as with a wrong password', async (_, value) => {
    isActive = () => value;
    const refused = await me();
    expect([refused.status, refused.body]).toEqual([401, ERRORS.userInactive]);
    expect(refused.headers['www-authenticate']).toBe(CHALLENGES.badToken);
    const json = await login();
    expect([json.status, json.body]).toEqual([401, ERRORS.invalidCredentials]);
    expect(json.headers['www-authenticate']).toBe(CHALLENGES.token);
    const basic = await test.client.post('/auth/login', { basic: BASIC_JOHN });
    expect([basic.status, basic.body]).toEqual([401, ERRORS.invalidCredentials]);
    expect(basic.headers['www-authenticate']).toBe(CHALLENGES.basic);
    expect(await test.rows.count()).toBe(1);
  });

  it('decides instead of the isActive column', async () => {
    await test.users.update(test.john.id, { isActive: false });
    expect((await me()).status).toBe(200);
    isActive = (user) => user.isActive;
    expect((await me()).body).toEqual(ERRORS.userInactive);
    await test.users.update(test.john.id, { isActive: true });
    expect((await me()).status).toBe(200);
  });

  it('is called for each request', async () => {
    expect((await me()).status).toBe(200);
    isActive = () => false;
    expect((await me()).body).toEqual(ERRORS.userInactive);
    expect((await test.client.post('/auth/logout', { token })).body).toEqual(ERRORS.userInactive);
    isActive = () => true;
    expect((await me()).status).toBe(200);
  });

  it('is called with the user from the database, at the login too', async () => {
    const seen: User[] = [];
    isActive = (user) => seen.push(user) > 0 && user.username.startsWith('john');
    expect((await me()).status).toBe(200);
    found = () => Object.assign(new User(), { id: test.john.id });
    expect((await login()).status).toBe(200);
    expect(seen.map(({ username }) => username)).toEqual(['john.doe', 'john.doe']);
    expect(seen.every((user) => user instanceof User)).toBe(true);
  });

  it.each<[string, () => unknown, string]>([
    ['throws', () => raise(new Error('no licence server')), 'no licence server'],
    ['rejects', () => Promise.reject(new Error('no licence server')), 'no licence server'],
    ['hangs', () => new Promise(() => undefined), 'No answer within 50 ms.'],
  ])('is a 503, logged with its cause, where it %s', async (_, hook, cause) => {
    isActive = hook;
    for (const ask of [me, login]) {
      logs.lines.length = 0;
      const { status, body } = await ask();
      expect([status, body]).toEqual([503, ERRORS.unavailable]);
      expect(logs.errors).toEqual([`Authentication is unavailable: ${cause}`]);
      expect(logs.text).not.toContain(token);
    }
    isActive = () => true;
    expect(await test.rows.count()).toBe(1);
    expect((await me()).status).toBe(200);
  });

  it('may throw its own HttpException', async () => {
    isActive = () => raise(new ForbiddenException('Pay first'));
    for (const ask of [me, login]) {
      const { status, body } = await ask();
      expect([status, body.message]).toEqual([403, 'Pay first']);
    }
    expect(await test.rows.count()).toBe(1);
  });
});

function raise(error: Error): never {
  throw error;
}
