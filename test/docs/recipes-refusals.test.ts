import { afterEach, describe, expect, it } from '@jest/globals';
import { PASSWORD, startApp, type TestApp, type TestAppOptions } from '../support/app.ts';
import * as cookie from './recipes/cookie.ts';
import { FormLoginModule } from './recipes/django/form-login.ts';
import * as jwt from './recipes/knox-and-jwt.ts';
import * as local from './recipes/local-login.ts';
import { AuthController } from './recipes/per-user.ts';

/** The recipes with a login, and the status of a refused one. */
const RECIPES: [recipe: string, options: TestAppOptions, status: number][] = [
  ['the built-in login', {}, 401],
  ['a login guard of the application', { knoxModule: local.AuthModule }, 401],
  ['tokens and JWTs', { knoxModule: jwt.AuthModule }, 401],
  ['a cookie', { knoxModule: cookie.AuthModule }, 401],
  ['per user', { knox: { controller: false }, controllers: [AuthController] }, 401],
  ['a 400 as AuthTokenSerializer makes it', { knoxModule: FormLoginModule }, 400],
];

process.env.JWT_SECRET = 'a secret of this test';

describe.each(RECIPES)('a refused login with %s', (_, options, status) => {
  let test: TestApp;
  afterEach(() => test.close());

  it('does not tell which users exist, or are inactive', async () => {
    test = await startApp(options);
    await test.users.update(test.jane.id, { isActive: false });
    const answerTo = async (username: string, password: string) => {
      const answer = await test.client.post('/auth/login', { body: { username, password } });
      const { 'www-authenticate': challenge, 'content-type': type } = answer.headers;
      return { status: answer.status, body: answer.body as object, challenge, type };
    };
    expect((await answerTo('john.doe', PASSWORD)).status).toBe(200);
    const wrong = await answerTo('john.doe', 'wrong');
    expect(wrong.status).toBe(status);
    expect(await answerTo('nobody', 'wrong')).toEqual(wrong);
    expect(await answerTo('jane.doe', 'wrong')).toEqual(wrong);
    expect(await answerTo('jane.doe', PASSWORD)).toEqual(wrong);
  });
});
