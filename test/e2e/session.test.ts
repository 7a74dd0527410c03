import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { PASSWORD, startApp, type TestApp } from '../support/app.ts';
import { STAGES } from '../support/databases.ts';

describe.each(STAGES)('a session on %s with %s', (database, adapter) => {
  let test: TestApp;
  beforeAll(async () => {
    test = await startApp({ database, adapter });
  });
  afterAll(() => test.close());

  it('logs in, calls, logs out, and is refused from then on', async () => {
    const login = await test.client.post('/auth/login', {
      body: { username: 'john.doe', password: PASSWORD },
    });
    expect(login.status).toBe(200);
    expect(login.headers['cache-control']).toBe('no-store');
    expect(Object.keys(login.body).sort()).toEqual(['expiry', 'token']);
    const { token } = login.body;

    const me = await test.client.get('/me', { token });
    expect(me.status).toBe(200);
    expect(me.body).toMatchObject({ username: 'john.doe', isUser: true });
    expect(me.body.tokenKey).toBe(token.slice(0, 15));

    const logout = await test.client.post('/auth/logout', { token });
    expect(logout.status).toBe(204);
    expect(logout.text).toBe('');

    const after = await test.client.get('/me', { token });
    expect(after.status).toBe(401);
    expect(after.body).toEqual({
      statusCode: 401,
      message: 'Invalid token.',
      error: 'Unauthorized',
      code: 'invalid_token',
    });
    expect(after.headers['www-authenticate']).toBe('Token realm="api", error="invalid_token"');
  });

  it('logs out of every device at once, and of no other user’s', async () => {
    const [first, second, janes] = [
      await test.login(),
      await test.login(),
      await test.login('jane.doe'),
    ];
    expect((await test.client.post('/auth/logoutall', { token: first })).status).toBe(204);
    expect((await test.client.get('/me', { token: first })).status).toBe(401);
    expect((await test.client.get('/me', { token: second })).status).toBe(401);
    expect((await test.client.get('/me', { token: janes })).status).toBe(200);
  });
});
