import session from 'express-session';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { JwtService } from '@nestjs/jwt';
import { PASSWORD, startApp, type TestApp } from '../support/app.ts';
import type { Answer } from '../support/http-client.ts';
import * as jwt from './recipes/from-passport-jwt.ts';
import * as expressSession from './recipes/from-express-session.ts';

let test: TestApp;
afterEach(() => test.close());

const JOHN = { username: 'john.doe', password: PASSWORD };

/** The cookies of an answer, as a browser sends them back. */
function cookiesOf({ headers }: Answer): string {
  return (headers['set-cookie'] ?? []).map((line) => line.split(';')[0]!).join('; ');
}

describe('an application that moves from passport-jwt', () => {
  const service = new JwtService({ secret: 'a secret of this test' });
  const bearer = (credentials: string) => ({ headers: { authorization: `Bearer ${credentials}` } });
  const profile = (credentials: string) => test.client.get('/profile', bearer(credentials));
  let old: string;
  beforeEach(async () => {
    process.env.JWT_SECRET = 'a secret of this test';
    test = await startApp({ knoxModule: jwt.AuthModule });
    old = service.sign({ sub: test.john.id }, { expiresIn: '15m' });
  });

  it('takes the JWTs of before, and the tokens of new logins', async () => {
    const { access_token } = (await test.client.post('/auth/login', { body: JOHN })).body;
    expect((await profile(old)).body).toEqual({ username: 'john.doe' });
    expect((await profile(access_token)).body).toEqual({ username: 'john.doe' });
    expect((await profile('nonsense')).status).toBe(401);
  });

  it('exchanges a JWT for a token, which can be revoked', async () => {
    const answer = await test.client.post('/auth/exchange', bearer(old));
    expect(answer.status).toBe(200);
    expect(answer.headers['cache-control']).toBe('no-store');
    const { access_token } = answer.body;
    expect((await profile(access_token)).status).toBe(200);
    expect((await test.client.post('/auth/logout', bearer(access_token))).status).toBe(204);
    expect((await profile(access_token)).status).toBe(401);
  });

  it('exchanges no forged or expired JWT, no token, and none of an inactive user', async () => {
    const { access_token } = (await test.client.post('/auth/login', { body: JOHN })).body;
    const forged = service.sign({ sub: test.john.id }, { secret: 'another' });
    const expired = service.sign({ sub: test.john.id }, { expiresIn: -1 });
    for (const credentials of [forged, expired, access_token]) {
      expect((await test.client.post('/auth/exchange', bearer(credentials))).status).toBe(401);
    }
    await test.users.update({ id: test.john.id }, { isActive: false });
    expect((await profile(old)).status).toBe(401);
    expect((await test.client.post('/auth/exchange', bearer(old))).status).toBe(401);
    expect(await test.rows.count()).toBe(1);
  });

  it('refreshes a token in its place', async () => {
    const { access_token } = (await test.client.post('/auth/exchange', bearer(old))).body;
    const soon = new Date(Date.now() + 60_000);
    await test.rows.update({ tokenKey: access_token.slice(0, 15) }, { expiry: soon });
    const { status, body } = await test.client.post('/auth/refresh', bearer(access_token));
    expect(status).toBe(200);
    expect(Date.parse(body.expires_at)).toBeGreaterThan(soon.getTime() + 86_400_000);
    expect((await profile(access_token)).status).toBe(200);
    expect(await test.rows.count()).toBe(1);
  });
});

describe('an application that moves from express-session', () => {
  const start = async () => {
    test = await startApp({
      knoxModule: expressSession.AuthModule,
      configure: (app) => {
        app.use(session({ secret: 'of this test', resave: false, saveUninitialized: false }));
        // The old login.
        app.use('/old-login', (request: any, response: any) => {
          request.session.userId = test.john.id;
          response.end();
        });
      },
    });
    // The application has answered by now: `test` is set.
    return cookiesOf(await test.client.get('/old-login'));
  };
  const exchange = (cookie: string) =>
    test.client.post('/auth/login?from=session', { headers: { cookie } });

  it('takes an old session for a login, once', async () => {
    const old = await start();
    const answer = await exchange(old);
    expect(answer.status).toBe(200);
    const cookie = cookiesOf(answer);
    expect(cookie).toMatch(/^session=[0-9a-f]{64}$/);
    expect((await test.client.get('/me', { headers: { cookie } })).body.username).toBe('john.doe');
    expect((await exchange(old)).status).toBe(403);
    expect(await test.rows.count()).toBe(1);
  });

  it('does not log in again after a logout', async () => {
    const old = await start();
    const cookie = `${old}; ${cookiesOf(await exchange(old))}`;
    expect((await test.client.post('/auth/logout', { headers: { cookie } })).status).toBe(204);
    expect((await exchange(cookie)).status).toBe(403);
    expect((await test.client.get('/me', { headers: { cookie } })).status).toBe(401);
  });

  it('keeps the old session if the login fails', async () => {
    const old = await start();
    await test.users.update({ id: test.john.id }, { isActive: false });
    expect((await exchange(old)).status).toBe(401);
    await test.users.update({ id: test.john.id }, { isActive: true });
    expect((await exchange(old)).status).toBe(200);
  });

  it('asks all others for a password', async () => {
    const old = await start();
    expect((await exchange('')).status).toBe(403);
    const login = (body: object) =>
      test.client.post('/auth/login', { body, headers: { cookie: old } });
    expect((await login({ ...JOHN, password: 'wrong' })).status).toBe(401);
    expect((await login({ ...JOHN, username: 'jane.doe' })).status).toBe(200);
    expect((await test.rows.find({ relations: { user: true } }))[0]!.user).toMatchObject({
      username: 'jane.doe',
    });
  });

  it('lets no page of another origin exchange the session', async () => {
    const old = await start();
    const { body } = await test.client.post('/auth/login?from=session', {
      headers: { cookie: old, origin: 'https://evil.example' },
    });
    expect(body.code).toBe('cross_origin');
  });
});
