import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { AuthToken, SessionToken } from '../../lib/index.ts';
import { DjangoAuthToken } from '../../lib/django/index.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { DATABASES } from '../support/databases.ts';
import { createDjangoDatabase, startDjangoApp } from '../support/django.ts';
import { startSessionApp, type SessionApp } from '../support/session-app.ts';
import { SqlLog } from '../support/sql-log.ts';

const NUL = 'a\0b';
const LONG = 'x'.repeat(10_000);

const NAMES: [string, unknown][] = [
  ['empty', ''],
  ['of 101 characters', 'x'.repeat(101)],
  ['of 10,000 characters', LONG],
  ['with NUL', NUL],
  ['with half a character', 'a\ud800'],
  ['a number', 5],
  ['true', true],
  ['an array', ['a']],
  ['an object', {}],
  ['a symbol', Symbol('a')],
];
const ABILITIES: [string, unknown][] = [
  ['a string', 'orders:read'],
  ['an object', { 0: 'a', length: 1 }],
  ['a set', new Set(['a'])],
  ['a number', 1],
  ['with an empty one', ['a', '']],
  ['with a blank', ['orders read']],
  ['with a quote', ["a'b"]],
  ['with a double quote', ['a"b']],
  ['with a percent sign', ['a%b']],
  ['with NUL', [NUL]],
  ['with a line break at the end', ['a\n']],
  ['with an accent', ['é']],
  ['with one of 65 characters', ['x'.repeat(65)]],
  ['with one of 10,000 characters', [LONG]],
  ['65 of them', Array.from({ length: 65 }, (_, i) => `a${String(i)}`)],
  ['with null', [null]],
  ['with undefined', [undefined]],
  ['with a gap', Array(1)],
  ['with an array', [['a']]],
  ['with a String object', [new String('a')]],
];

describe.each(DATABASES)('create on %s', (database) => {
  let test: SessionApp;
  let sql: SqlLog;
  beforeAll(async () => {
    test = await startSessionApp({ database });
    await test.tokens.create(test.john);
    await test.rows.clear();
    sql = new SqlLog(test.dataSource);
  });
  afterAll(() => test.close());
  afterEach(() => sql.clear());

  it.each<[string, object]>([
    ...NAMES.map(([what, name]): [string, object] => [`a name that is ${what}`, { name }]),
    ...ABILITIES.map(([what, abilities]): [string, object] => [
      `abilities that are ${what}`,
      { abilities },
    ]),
    ['within null', { within: null }],
    ['within a raw token', { within: 'f'.repeat(64) }],
    ['within an object', { within: { abilities: ['a'], expiry: null } }],
    ['within a token of another entity', { within: new AuthToken() }],
    ['a column that a feature has', { columns: { abilities: ['a'] } }],
    ['a column of its own __proto__', { columns: JSON.parse('{"__proto__":1}') as object }],
  ])('refuses %s, before any SQL', async (_, options) => {
    await expect(test.tokens.create(test.john, options)).rejects.toBeInstanceOf(TypeError);
    expect(sql.statements).toEqual([]);
    expect(await test.rows.count()).toBe(0);
  });

  it('keeps a name and abilities as they were given', async () => {
    const name = `Ada’s "phone" 100% \\ '; -- ☎️`;
    const abilities = ['__proto__', 'A-Z_0.9:/', 'x'.repeat(64)];
    const { token } = await test.tokens.create(test.john, { name, abilities });
    const { authToken } = await test.tokens.authenticate(token);
    expect(authToken).toMatchObject({ name, abilities });
    expect(abilities.map((ability) => authToken.can(ability))).toEqual([true, true, true]);
    expect(['constructor', 'toString', ''].map((ability) => authToken.can(ability))).toEqual([
      false,
      false,
      false,
    ]);
    await test.rows.clear();
  });

  it('takes no token that has expired to be within', async () => {
    const { authToken } = await test.tokens.create(test.john, { ttl: 1 });
    await new Promise((resolve) => setTimeout(resolve, 5));
    await expect(test.tokens.create(test.john, { within: authToken })).rejects.toMatchObject({
      code: 'invalid_token',
    });
    await test.rows.clear();
  });
});

describe('create within a token', () => {
  it.each(['created', 'expiry'] as const)(
    'takes none that was loaded without %s',
    async (missing) => {
      const test = await startSessionApp();
      const { authToken } = await test.tokens.create(test.john, { ttl: '1h' });
      const columns = { digest: true, created: true, expiry: true, abilities: true };
      const within = await test.rows.findOneOrFail({
        where: { digest: authToken.digest },
        select: { ...columns, [missing]: false },
      });
      await expect(test.tokens.create(test.john, { within })).rejects.toThrow(TypeError);
      expect(await test.rows.count()).toBe(1);
      await test.close();
    },
  );
});

describe('create without the columns', () => {
  let test: TestApp;
  beforeAll(async () => {
    test = await startApp();
  });
  afterAll(() => test.close());

  it.each<[string, object]>([
    ['name', { name: 'laptop' }],
    ['abilities', { abilities: ['a'] }],
    ['abilities', { abilities: [] }],
  ])('refuses %s, and says what to use', async (option, options) => {
    const create = test.tokens.create(test.john, options);
    await expect(create).rejects.toBeInstanceOf(TypeError);
    await expect(create).rejects.toThrow(
      `${option}: AuthToken has no such column; use SessionToken, or extend AbstractSessionToken.`,
    );
    expect(await test.rows.count()).toBe(0);
  });

  it('takes null for them, and what is unrestricted to be within', async () => {
    const { authToken } = await test.tokens.create(test.john, { name: null, abilities: null });
    expect(authToken.can('anything')).toBe(true);
    await test.tokens.create(test.john, { within: authToken });
    await expect(test.tokens.rename(test.john, authToken.publicId, 'x')).rejects.toThrow(TypeError);
    expect(authToken).not.toBeInstanceOf(SessionToken);
  });
});

describe.each(DATABASES)('sessions on Django’s table on %s', (name) => {
  it('are found, shown and ended by id', async () => {
    const database = await createDjangoDatabase(name);
    const test = await startDjangoApp(database, { knox: { sessions: true } });
    try {
      const { user, authToken, token } = await made(test);
      const { publicId } = authToken;
      expect(publicId).toBe(authToken.digest.slice(0, 32));
      expect(authToken).toBeInstanceOf(DjangoAuthToken);
      expect(authToken.can('anything')).toBe(true);
      expect((await test.tokens.find(user, publicId))!.digest).toBe(authToken.digest);
      expect(await test.tokens.find(user, '0'.repeat(32))).toBeNull();
      const current = await test.client.get('/auth/sessions/current', { token });
      expect(current.status).toBe(200);
      expect(Object.keys(current.body).sort()).toEqual(['created', 'current', 'expiry', 'id']);
      expect(current.body.id).toBe(publicId);
      const { body } = await test.client.get('/auth/sessions', { token });
      expect((body as { id: string }[]).map(({ id }) => id)).toContain(publicId);
      const renamed = await test.client.send(`/auth/sessions/${publicId}`, {
        method: 'PATCH',
        token,
        body: { name: 'x' },
      });
      expect(renamed.status).toBe(404);
      expect(await test.tokens.revoke(user, publicId)).toBe(true);
      expect(await test.tokens.revoke(user, publicId)).toBe(false);
      expect((await test.client.get('/auth/sessions', { token })).status).toBe(401);
    } finally {
      await test.close();
      await database.drop();
    }
  });

  async function made(test: Awaited<ReturnType<typeof startDjangoApp>>) {
    const [{ username }] = await test.dataSource.query(
      'SELECT username FROM auth_user WHERE is_active ORDER BY id LIMIT 1',
    );
    const user = await test.user(username as string);
    return { user, ...(await test.tokens.create(user)) };
  }
});
