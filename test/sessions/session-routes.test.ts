import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { PASSWORD } from '../support/app.ts';
import { STAGES } from '../support/databases.ts';
import { startSessionApp, type SessionApp } from '../support/session-app.ts';

const UNKNOWN = {
  statusCode: 404,
  message: 'There is no such session.',
  error: 'Not Found',
  code: 'unknown_session',
};
const INSTANT = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);

/** Without what a use may change at any moment. */
const settled = (session: object): object => ({ ...session, lastUsed: 'any' });

describe.each(STAGES)('the routes of sessions on %s with %s', (database, adapter) => {
  let test: SessionApp;
  let token: string;
  beforeAll(async () => {
    test = await startSessionApp({ database, adapter });
  });
  afterAll(() => test.close());
  beforeEach(async () => {
    await test.rows.clear();
    token = await login('laptop');
  });

  async function login(name?: string, username = 'john.doe'): Promise<string> {
    const { status, body } = await test.client.post('/auth/login', {
      body: { username, password: PASSWORD, ...(name === undefined ? {} : { name }) },
      headers: { 'user-agent': 'Firefox' },
    });
    expect(status).toBe(200);
    return body.token as string;
  }
  const list = async (): Promise<any[]> =>
    (await test.client.get('/auth/sessions', { token })).body as any[];
  const settledRows = async (): Promise<object[]> =>
    (await test.rows.find({ order: { digest: 'ASC' } })).map(settled);
  const send = (method: string, path: string, body?: unknown, by = token) =>
    test.client.send(`/auth/sessions${path}`, {
      method,
      token: by,
      ...(body === undefined ? {} : { body }),
    });

  it('list the user’s sessions, newest first', async () => {
    await login('phone');
    await login('other', 'jane.doe');
    const { status, headers, body } = await test.client.get('/auth/sessions', { token });
    expect(status).toBe(200);
    expect(headers['cache-control']).toBe('no-store');
    const session = {
      id: expect.stringMatching(/^[0-9a-f]{32}$/),
      created: INSTANT,
      expiry: INSTANT,
      abilities: null,
      lastUsed: 'any',
      ip: '127.0.0.0',
      userAgent: 'Firefox',
    };
    expect((body as object[]).map(settled)).toEqual([
      { ...session, name: 'phone', current: false },
      { ...session, name: 'laptop', current: true },
    ]);
  });

  it('tell the session that asks', async () => {
    await login();
    const { status, headers, body } = await test.client.get('/auth/sessions/current', { token });
    expect(status).toBe(200);
    expect(headers['cache-control']).toBe('no-store');
    const found = (await list()).find(({ current }) => current as boolean) as object;
    expect(settled(body)).toEqual(settled(found));
  });

  it('rename a session, and take its name away', async () => {
    await login('phone');
    const [{ id }] = await list();
    for (const name of ['Ada’s ☎️ "phone" 100%', null]) {
      const { status, body } = await send('PATCH', `/${id}`, { name });
      expect({ status, name: body.name, id: body.id }).toEqual({ status: 200, name, id });
      expect(settled((await list())[0])).toEqual(settled(body));
    }
  });

  it('end a session', async () => {
    const phone = await login('phone');
    const [{ id }] = await list();
    const { status, text, headers } = await send('DELETE', `/${id}`);
    expect([status, text, headers['cache-control']]).toEqual([204, '', 'no-store']);
    expect((await test.client.get('/me', { token: phone })).status).toBe(401);
    expect(await list()).toHaveLength(1);
    expect(await send('DELETE', `/${id}`)).toMatchObject({ status: 404, body: UNKNOWN });
  });

  it('end the session that asks', async () => {
    const [{ id }] = await list();
    expect((await send('DELETE', `/${id}`)).status).toBe(204);
    expect((await send('GET', '')).status).toBe(401);
  });

  it('end all sessions of the user but the one that asks', async () => {
    const others = [await login(), await login()];
    const janes = await login(undefined, 'jane.doe');
    expect(await send('DELETE', '')).toMatchObject({ status: 200, body: { count: 2 } });
    for (const other of others) {
      expect((await test.client.get('/me', { token: other })).status).toBe(401);
    }
    for (const kept of [token, janes]) {
      expect((await test.client.get('/me', { token: kept })).status).toBe(200);
    }
    expect(await send('DELETE', '')).toMatchObject({ status: 200, body: { count: 0 } });
  });

  it.each(['DELETE', 'PATCH'])('say nothing of what is not the user’s to %s', async (method) => {
    const janes = (await test.tokens.create(test.jane)).authToken;
    const expired = (await test.tokens.create(test.john, { ttl: 1 })).authToken;
    await new Promise((resolve) => setTimeout(resolve, 5));
    const rows = await settledRows();
    const ids = [
      ...[janes.publicId, expired.publicId, '0'.repeat(32), 'x', '%25', '__proto__'],
      ...['%00', '%27%20OR%201=1', 'a'.repeat(100), janes.publicId.toUpperCase()],
      ...[`${janes.publicId}%00`, janes.publicId.slice(0, 31), '[]'],
    ];
    const answers = new Set<string>();
    for (const id of ids) {
      const { status, text, headers } = await send(method, `/${id}`, { name: 'mine' });
      const others = { ...headers, date: undefined };
      answers.add(JSON.stringify({ status, text, others }));
    }
    // These the router may refuse itself.
    for (const id of ['%', janes.digest, 'a'.repeat(10_000)]) {
      expect([400, 404, 414]).toContain((await send(method, `/${id}`, { name: 'mine' })).status);
    }
    expect([...answers]).toEqual([
      expect.stringContaining(JSON.stringify(JSON.stringify(UNKNOWN))),
    ]);
    expect(await settledRows()).toEqual(rows);
  });

  it.each([
    ['nothing', undefined],
    ['an array', []],
    ['text', '"laptop"'],
    ['no name', {}],
    ['an inherited name', '{"__proto__": {"name": "x"}}'],
    ['a number', { name: 5 }],
    ['an array for a name', { name: ['x'] }],
    ['an empty name', { name: '' }],
    ['a name of 101 characters', { name: 'x'.repeat(101) }],
    ['a name of 10,000 characters', { name: 'x'.repeat(10_000) }],
    ['a name with NUL', { name: 'a\0b' }],
    ['half a character', '{"name": "\\ud800"}'],
  ])('refuse to rename by %s', async (_, body) => {
    const [{ id }] = await list();
    const answer = await send('PATCH', `/${id}`, body);
    expect(answer.status).toBe(400);
    expect((await list())[0].name).toBe('laptop');
  });

  it.each([
    ['a number', 5],
    ['an array', ['x']],
    ['an empty text', ''],
    ['a long text', 'x'.repeat(101)],
    ['NUL', 'a\0'],
  ])('refuse a login whose name is %s', async (_, name) => {
    const answer = await test.client.post('/auth/login', {
      body: { username: 'john.doe', password: PASSWORD, name },
    });
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
    expect(await list()).toHaveLength(1);
  });

  it('ignore the body of a DELETE', async () => {
    for (const body of ['', '{', 'x'.repeat(300_000)]) {
      const phone = await login('phone');
      const [{ id }] = await list();
      const sent = await test.client.send(`/auth/sessions/${id}`, {
        method: 'DELETE',
        token,
        body,
        headers: { 'content-type': 'application/json' },
      });
      expect(sent.status).toBe(204);
      expect((await test.client.get('/me', { token: phone })).status).toBe(401);
    }
  });

  it('let a restricted token see and end itself, and nothing else', async () => {
    const { token: key, authToken } = await test.tokens.create(test.john, { abilities: [] });
    const refused = { status: 403, body: { code: 'insufficient_ability' } };
    expect(await send('GET', '/current', undefined, key)).toMatchObject({
      status: 200,
      body: { abilities: [], current: true },
    });
    const [, { id }] = await list();
    expect(await send('GET', '', undefined, key)).toMatchObject(refused);
    expect(await send('PATCH', `/${authToken.publicId}`, { name: 'x' }, key)).toMatchObject(
      refused,
    );
    expect(await send('DELETE', '', undefined, key)).toMatchObject(refused);
    for (const other of [id, '0'.repeat(32), 'x']) {
      const answer = await send('DELETE', `/${other}`, undefined, key);
      expect(answer).toMatchObject(refused);
      expect(answer.headers['www-authenticate']).toBe(
        'Token realm="api", error="insufficient_scope"',
      );
    }
    expect((await send('DELETE', `/${authToken.publicId}`, undefined, key)).status).toBe(204);
    expect((await send('GET', '/current', undefined, key)).status).toBe(401);
  });

  it('answer a request without a token as any guarded route does', async () => {
    const answer = await test.client.get('/auth/sessions');
    expect(answer).toMatchObject({ status: 401, body: { code: 'not_authenticated' } });
    expect(answer.headers['cache-control']).toBe('no-store');
  });
});

it.each([
  ['usernameField', { name: 'john.doe', password: PASSWORD }],
  ['passwordField', { username: 'john.doe', name: PASSWORD }],
])('a credential in the field "name", by %s, is not stored', async (option, body) => {
  const test = await startSessionApp({ knox: { [option]: 'name' } });
  try {
    expect((await test.client.post('/auth/login', { body })).status).toBe(200);
    expect((await test.rows.find()).map(({ name }) => name)).toEqual([null]);
  } finally {
    await test.close();
  }
});
