import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { KnoxConfigError } from '../../lib/index.ts';
import { PASSWORD } from '../support/app.ts';
import { DATABASES } from '../support/databases.ts';
import { startSessionApp, type SessionApp } from '../support/session-app.ts';
import { closeModules, knox, memoryDatabase, startError } from '../support/test-module.ts';

const LIMIT = 3;
const MINUTE_MS = 60_000;

describe.each(DATABASES)('a login past the limit on %s', (database) => {
  const isolation = database === 'sqlite' ? 'SERIALIZABLE' : 'READ COMMITTED';
  let serialize: (() => object) | undefined;
  let test: SessionApp;

  async function start(tokenLimitPolicy: 'evict-oldest' | 'evict-least-used'): Promise<void> {
    test = await startSessionApp({
      database,
      knox: { tokenLimitPerUser: LIMIT, tokenLimitPolicy, userSerializer: () => serialize?.() },
    });
  }
  const login = () =>
    test.client.post('/auth/login', { body: { username: 'john.doe', password: PASSWORD } });
  const names = async (): Promise<(string | null)[]> =>
    (await test.rows.find()).map(({ name }) => name).sort();
  /** A token that was made and used so many minutes ago. */
  async function make(name: string, made: number, used: number | null): Promise<string> {
    const { token, authToken } = await test.tokens.create(test.john, {
      name,
      limit: null,
    });
    const ago = (minutes: number) => new Date(Date.now() - minutes * MINUTE_MS);
    const lastUsed = used === null ? null : ago(used);
    await test.rows.update({ digest: authToken.digest }, { created: ago(made), lastUsed });
    return token;
  }

  describe('that evicts the oldest', () => {
    beforeAll(() => start('evict-oldest'));
    afterAll(() => test.close());
    beforeEach(() => test.rows.clear());
    afterEach(() => {
      serialize = undefined;
    });

    it('revokes it, and no other user’s', async () => {
      const oldest = await make('oldest', 30, 1);
      await make('middle', 20, null);
      await make('newest', 10, null);
      await test.tokens.create(test.jane, { name: 'janes' });
      expect((await login()).status).toBe(200);
      expect(await names()).toEqual([null, 'janes', 'middle', 'newest'].sort());
      expect((await test.client.get('/me', { token: oldest })).status).toBe(401);
    });

    it('revokes as many as a lower limit asks', async () => {
      for (const made of [5, 4, 3, 2, 1]) await make(String(made), made, null);
      await test.tokens.create(test.john, { name: 'new', limit: 2 });
      expect(await names()).toEqual(['1', 'new']);
    });

    it('counts no expired token, and revokes none for it', async () => {
      await make('a', 3, null);
      await make('b', 2, null);
      const { authToken } = await test.tokens.create(test.john, { name: 'old' });
      await test.rows.update({ digest: authToken.digest }, { expiry: new Date(Date.now() - 1) });
      await test.tokens.create(test.john, { name: 'new' });
      expect(await names()).toEqual(['a', 'b', 'new', 'old']);
    });

    it('revokes nothing if its own token cannot be inserted', async () => {
      for (const [i, name] of ['a', 'b', 'c'].entries()) await make(name, 10 - i, null);
      await test.dataSource.query('CREATE UNIQUE INDEX one_name ON knox_auth_token (name)');
      try {
        const create = test.tokens.create(test.john, { name: 'b' });
        await expect(create).rejects.toMatchObject({ code: 'unavailable' });
        expect(await names()).toEqual(['a', 'b', 'c']);
      } finally {
        const on = database === 'mariadb' ? ' ON knox_auth_token' : '';
        await test.dataSource.query(`DROP INDEX one_name${on}`);
      }
    });

    it('does not bring back what it has revoked, if its answer fails', async () => {
      const oldest = await make('oldest', 30, 1);
      await make('middle', 20, null);
      await make('newest', 10, null);
      serialize = () => {
        throw new Error('not to be had');
      };
      expect((await login()).status).toBe(500);
      expect(await names()).toEqual(['middle', 'newest']);
      expect((await test.client.get('/me', { token: oldest })).status).toBe(401);
    });

    it('revokes thousands', async () => {
      const rows = Array.from({ length: 2_300 }, (_, i) => ({
        digest: String(i).padStart(128, '0'),
        tokenKey: '0'.repeat(15),
        user: test.john,
        created: new Date(i),
        expiry: null,
        ttl: null,
        name: 'old',
      }));
      for (let i = 0; i < rows.length; i += 100) await test.rows.insert(rows.slice(i, i + 100));
      expect((await login()).status).toBe(200);
      const left = (await test.rows.find()).map(({ digest }) => digest).sort();
      expect(left).toHaveLength(LIMIT);
      expect(left.slice(0, 2)).toEqual([rows[2_298]!.digest, rows[2_299]!.digest]);
    });

    it('works in the application’s transaction, and with it', async () => {
      const run = (name: string, fails: boolean): Promise<void> =>
        test.dataSource.transaction(isolation, async (manager) => {
          await test.tokens.create(test.john, { name, manager });
          if (fails) throw new Error('no');
        });
      for (const [i, name] of ['a', 'b', 'c'].entries()) await make(name, 10 - i, null);
      await expect(run('x', true)).rejects.toThrow('no');
      expect(await names()).toEqual(['a', 'b', 'c']);
      await run('d', false);
      expect(await names()).toEqual(['b', 'c', 'd']);
    });
  });

  describe('that evicts the least used', () => {
    beforeAll(() => start('evict-least-used'));
    afterAll(() => test.close());
    beforeEach(() => test.rows.clear());

    it.each<[victim: string, made: number[], used: (number | null)[]]>([
      ['a', [10, 20, 30], [9, 5, 5]],
      ['b', [30, 20, 10], [5, 9, 5]],
      ['c', [30, 20, 10], [5, 5, null]],
      ['a', [30, 20, 10], [null, null, null]],
      ['b', [10, 30, 20], [5, null, null]],
    ])('revokes %s of those made %j and used %j minutes ago', async (victim, made, used) => {
      for (const [i, name] of ['a', 'b', 'c'].entries()) await make(name, made[i]!, used[i]!);
      await test.tokens.create(test.john, { name: 'new' });
      expect(await names()).toEqual(['a', 'b', 'c', 'new'].filter((name) => name !== victim));
    });
  });
});

describe('evict-least-used', () => {
  afterEach(closeModules);

  it('stops the start if the token entity has no column for it', async () => {
    const error = await startError({
      imports: [memoryDatabase(), knox({ tokenLimitPolicy: 'evict-least-used' })],
    });
    expect(error).toBeInstanceOf(KnoxConfigError);
    expect(error.message).toContain('"tokenLimitPolicy"');
    expect(error.message).toContain('@LastUsedColumn()');
  });
});
