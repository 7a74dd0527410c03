import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { startApp, type TestApp } from '../support/app.ts';
import { JOHN } from '../support/credentials.ts';
import { ERRORS } from '../support/errors.ts';

describe('two applications in one process', () => {
  let first: TestApp;
  let second: TestApp;
  beforeEach(async () => {
    first = await startApp({ knox: { path: 'one', tokenPrefix: 'one_', tokenLimitPerUser: 1 } });
    second = await startApp({
      adapter: 'fastify',
      knox: { path: 'two', tokenPrefix: 'two_', authHeaderPrefix: 'Bearer' },
    });
  });
  afterEach(async () => {
    await first.close();
    await second.close();
  });

  const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });

  it('do not accept each other’s tokens', async () => {
    const [mine, theirs] = [
      await first.tokens.create(first.john),
      await second.tokens.create(second.john),
    ];
    expect((await first.client.get('/me', { token: mine.token })).status).toBe(200);
    expect((await second.client.get('/me', bearer(theirs.token))).status).toBe(200);
    const strange = await first.client.get('/me', { token: theirs.token });
    expect([strange.status, strange.body]).toEqual([401, ERRORS.invalidToken]);
    const stranger = await second.client.get('/me', bearer(mine.token));
    expect([stranger.status, stranger.body]).toEqual([401, ERRORS.invalidToken]);
  });

  it('keep their own paths and options', async () => {
    const one = await first.client.post('/one/login', { body: JOHN });
    expect([one.status, one.body.token.slice(0, 4)]).toEqual([200, 'one_']);
    expect((await first.client.post('/one/login', { body: JOHN })).status).toBe(403);
    expect((await first.client.post('/two/login', { body: JOHN })).status).toBe(404);
    for (let i = 0; i < 2; i++) {
      const two = await second.client.post('/two/login', { body: JOHN });
      expect([two.status, two.body.token.slice(0, 4)]).toEqual([200, 'two_']);
    }
    expect((await second.client.post('/one/login', { body: JOHN })).status).toBe(404);
  });

  it('go on when the other one is closed', async () => {
    const { token } = await first.tokens.create(first.john);
    await second.app.close();
    expect((await first.client.get('/me', { token })).status).toBe(200);
    expect((await first.client.post('/one/logoutall', { token })).status).toBe(204);
  });
});
