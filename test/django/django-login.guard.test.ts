import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { DjangoLoginGuard } from '../../lib/django/index.ts';
import { startApp, type AdapterName, type TestApp } from '../support/app.ts';
import { CHALLENGES, ERRORS } from '../support/errors.ts';

const ADAPTERS: AdapterName[] = ['express', 'fastify'];

const basic = (text: string, encoding: BufferEncoding): string =>
  `Basic ${Buffer.from(text, encoding).toString('base64')}`;

describe.each(ADAPTERS)('DjangoLoginGuard on %s', (adapter) => {
  const verifyCredentials = jest.fn((_username: string, password: string) =>
    password === 'pässwörd' ? test.john : null,
  );
  let test: TestApp;
  beforeAll(async () => {
    const loginGuards = [DjangoLoginGuard];
    test = await startApp({ adapter, knox: { loginGuards, verifyCredentials } });
  });
  beforeEach(() => {
    verifyCredentials.mockClear();
  });
  afterAll(() => test.close());

  const login = (authorization: string) =>
    test.client.post('/auth/login', { headers: { authorization } });

  it.each(['latin1', 'utf8'] as const)('reads Basic credentials in %s', async (encoding) => {
    expect((await login(basic('jürgen:pässwörd', encoding))).status).toBe(200);
    expect(verifyCredentials.mock.calls[0]!.slice(0, 2)).toEqual(['jürgen', 'pässwörd']);
  });

  it('refuses a wrong password in Latin-1 as any other', async () => {
    const { status, body, headers } = await login(basic('jürgen:wröng', 'latin1'));
    expect([status, body, headers['www-authenticate']]).toEqual([
      401,
      ERRORS.invalidCredentials,
      CHALLENGES.basic,
    ]);
    expect(verifyCredentials).toHaveBeenCalledTimes(1);
  });

  it.each([
    ['a control character', basic('jürgen:päss\nwörd', 'latin1')],
    ['no colon', basic('jürgen', 'latin1')],
    [
      'a character that is no base64',
      basic('jürgen:pässwörd', 'latin1').replace('Basic ', 'Basic !'),
    ],
    ['two words', `${basic('jürgen:pässwörd', 'latin1')} x`],
  ])('refuses what the built-in login refuses: %s', async (_, header) => {
    const { status, body } = await login(header);
    expect([status, body]).toEqual([401, ERRORS.invalidCredentials]);
    expect(verifyCredentials).not.toHaveBeenCalled();
  });

  it('takes JSON as the built-in login does', async () => {
    const body = { username: 'jürgen', password: 'pässwörd' };
    expect((await test.client.post('/auth/login', { body })).status).toBe(200);
  });
});
