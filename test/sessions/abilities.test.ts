import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { CreateTokenOptions } from '../../lib/index.ts';
import { STAGES } from '../support/databases.ts';
import { startSessionApp, type SessionApp } from '../support/session-app.ts';

const REFUSED = {
  statusCode: 403,
  message: 'This token may not do that.',
  error: 'Forbidden',
  code: 'insufficient_ability',
};

describe.each(STAGES)('abilities on %s with %s', (database, adapter) => {
  let test: SessionApp;
  beforeAll(async () => {
    test = await startSessionApp({ database, adapter });
  });
  afterAll(() => test.close());

  const keyFor = async (...abilities: string[]): Promise<string> =>
    (await test.tokens.create(test.john, { abilities })).token;

  it.each([
    [['orders:read'], ['', '/one-of', '/any'], ['/all', '/unnamed', '/fresh']],
    [['orders:write'], ['/any'], ['', '/one-of', '/all', '/unnamed']],
    [['orders:write', 'orders:read'], ['', '/one-of', '/any', '/all'], ['/unnamed']],
    [['orders:admin'], ['/one-of', '/any'], ['', '/all', '/unnamed']],
    [[], ['/any'], ['', '/one-of', '/all', '/unnamed']],
  ])('a token that may %j passes %j and not %j', async (abilities, passes, refused) => {
    const token = await keyFor(...abilities);
    for (const path of passes) {
      expect([path, (await test.client.get(`/orders${path}`, { token })).status]).toEqual([
        path,
        200,
      ]);
    }
    for (const path of refused) {
      const { status, body } = await test.client.get(`/orders${path}`, { token });
      expect([path, status, body]).toEqual([path, 403, REFUSED]);
    }
  });

  it('are not asked of an unrestricted token', async () => {
    const { token } = await test.tokens.create(test.john);
    for (const path of ['', '/all', '/one-of', '/any', '/unnamed', '/fresh']) {
      expect((await test.client.get(`/orders${path}`, { token })).status).toBe(200);
    }
  });

  it('are named in the challenge', async () => {
    const token = await keyFor('orders:write');
    const challengeOf = async (path: string): Promise<unknown> =>
      (await test.client.get(path, { token })).headers['www-authenticate'];
    expect(await challengeOf('/orders/all')).toBe(
      'Token realm="api", error="insufficient_scope", scope="orders:read orders:write"',
    );
    expect(await challengeOf('/orders/unnamed')).toBe(
      'Token realm="api", error="insufficient_scope"',
    );
  });

  it('let every token log out, and only an unrestricted one log out everywhere', async () => {
    const token = await keyFor('orders:read');
    expect(await test.client.post('/auth/logoutall', { token })).toMatchObject({
      status: 403,
      body: REFUSED,
    });
    expect((await test.client.get('/orders', { token })).status).toBe(200);
    expect((await test.client.post('/auth/logout', { token })).status).toBe(204);
    expect((await test.client.get('/orders', { token })).status).toBe(401);
  });

  it.each(['[', '{}', '"orders:read"', '[5]', '["orders:read", null]', '', '["orders:read\\n"]'])(
    'count as none where %s is stored',
    async (stored) => {
      const { token, authToken } = await test.tokens.create(test.john, {
        abilities: ['orders:read'],
      });
      await test.rows
        .createQueryBuilder()
        .update()
        .set({ abilities: () => `'${stored}'` })
        .where({ digest: authToken.digest })
        .execute();
      expect((await test.client.get('/orders', { token })).status).toBe(403);
      expect((await test.client.get('/orders/any', { token })).status).toBe(200);
      expect((await test.tokens.authenticate(token)).authToken.abilities).toEqual([]);
    },
  );

  describe('of a token within another', () => {
    const create = async (parent: CreateTokenOptions, child: CreateTokenOptions) => {
      const { authToken } = await test.tokens.create(test.john, parent as object);
      return test.tokens.create(test.john, { ...(child as object), within: authToken });
    };

    it('are some of the other’s', async () => {
      const { authToken } = await create({ abilities: ['a', 'b'] }, { abilities: ['b'] });
      expect(authToken.can('b')).toBe(true);
      expect(authToken.can('a')).toBe(false);
    });

    it('are any, of an unrestricted token', async () => {
      expect((await create({}, { abilities: ['a'] })).authToken.abilities).toEqual(['a']);
      expect((await create({}, {})).authToken.abilities).toBeNull();
    });

    it('are refused beyond the other’s', async () => {
      const count = await test.rows.count();
      await expect(create({ abilities: ['a'] }, { abilities: ['a', 'b'] })).rejects.toMatchObject({
        code: 'insufficient_ability',
        status: 403,
      });
      expect(await test.rows.count()).toBe(count + 1);
    });

    it('must be given, if the other is restricted', async () => {
      await expect(create({ abilities: ['a'] }, {})).rejects.toThrow(TypeError);
    });

    it('end with the other', async () => {
      const parent = await test.tokens.create(test.john, { ttl: '1h' });
      const within = parent.authToken;
      const child = await test.tokens.create(test.john, { within });
      expect(child.authToken.expiry).toEqual(within.expiry);
      for (const ttl of ['2h', null]) {
        await expect(test.tokens.create(test.john, { within, ttl })).rejects.toMatchObject({
          code: 'insufficient_ability',
        });
      }
      const shorter = await test.tokens.create(test.john, { within, ttl: '1m' });
      expect(+shorter.authToken.expiry!).toBeLessThan(+within.expiry!);
    });
  });
});
