import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { ADA, Sample } from '../browser/sample.ts';
import { tokenCookieOf } from '../support/cookies.ts';
import type { Answer, Sending } from '../support/http-client.ts';

// Processes start slowly where many tests run at once.
jest.setTimeout(60_000);

// What a browser makes of it: test/browser.
describe('sample/04-browser', () => {
  let sample: Sample;
  beforeAll(async () => {
    sample = await Sample.start();
  });
  afterAll(() => sample.stop());

  const login = async (name: string) => {
    const answer = await sample.client.post('/auth/login', { body: { ...ADA, name } });
    return { cookie: `session=${tokenCookieOf(answer, 'session')!.value}` };
  };
  const changePassword = (headers: Sending['headers'], body: object = {}): Promise<Answer> =>
    sample.client.send('/account/password', { method: 'PUT', headers: headers!, body });

  it.each(['/', '/sign-in', '/account.js', '/style.css', '/account', '/auth/sessions'])(
    'sends %s with a strict policy, and lets nobody keep it',
    async (path) => {
      const { headers } = await sample.client.get(path);
      expect(headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self';/);
      expect(headers['cache-control']).toBe('no-store');
    },
  );

  it('changes the password only for those who have proved it lately, and ends the other sessions', async () => {
    const [headers, other] = [await login('laptop'), await login('phone')];
    const { password } = ADA;
    for (const bad of [
      {},
      { password: 'short' },
      { password: ['a', 'list', 'of', 'eight', '', '', '', ''] },
    ]) {
      expect((await changePassword(headers, bad)).status).toBe(400);
    }
    expect((await changePassword(headers, { password })).body).toEqual({ signedOut: 1 });
    expect((await sample.client.get('/account', { headers: other })).status).toBe(401);
    await sample.query('UPDATE "knox_auth_token" SET "created" = "created" - 301000');
    expect((await changePassword(headers, { password })).body.code).toBe(
      'reauthentication_required',
    );
    expect((await sample.client.get('/account', { headers })).body).toEqual({ username: 'ada' });
  });

  it('follows the account until the session ends', async () => {
    const headers = await login('laptop');
    const stream = await fetch(`${sample.client.url}/account/activity`, { headers });
    await login('phone');
    await sample.client.post('/auth/logoutall', { headers });
    const text = await stream.text();
    expect(text).toMatch(/^data: \{.*"text":"phone signed in\."\}$/m);
    expect(text).toMatch(/event: error\n(?:id: .*\n)?data: Invalid token\.\n\n$/);
    const again = await fetch(`${sample.client.url}/account/activity`, { headers });
    expect(again.status).toBe(401);
  });
});
