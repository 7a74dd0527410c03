import { setImmediate } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { QueryRunner } from 'typeorm';
import { AuthToken } from '../../lib/index.ts';
import type { Answer } from '../support/http-client.ts';
import { createDatabase, type TestDatabase } from '../support/databases.ts';
import { ERRORS } from '../support/errors.ts';
import { startOwnerApp, type OwnerApp } from '../support/owner-app.ts';
import { SqlLog } from '../support/sql-log.ts';
import { User } from '../support/users.ts';

const IN_MEMORY: TestDatabase = {
  options: { type: 'better-sqlite3', database: ':memory:' },
  drop: async () => {},
};

describe.each([
  ['a file', () => createDatabase('sqlite')],
  ['memory', async () => IN_MEMORY],
])('SQLite in %s, while another request is in a transaction', (_, create) => {
  let database: TestDatabase;
  let test: OwnerApp<AuthToken>;
  let john: User;
  let transaction: QueryRunner;
  let sql: SqlLog;
  beforeAll(async () => {
    database = await create();
    const dataSource = { ...database.options, entities: [User, AuthToken] };
    test = await startOwnerApp({ dataSource, owner: User, knox: { autoRefresh: true } });
    const users = test.dataSource.getRepository(User);
    john = await users.save(users.create({ username: 'john', password: '', isActive: true }));
    sql = new SqlLog(test.dataSource);
  });
  afterAll(async () => {
    await test.close();
    await database.drop();
  });
  beforeEach(async () => {
    transaction = test.dataSource.createQueryRunner();
  });
  afterEach(async () => {
    if (transaction.isTransactionActive) await transaction.rollbackTransaction();
    await test.tokens.revokeAll(john);
  });

  /** Starts the request, and leaves it time for a wrong write inside the other transaction. */
  async function meanwhile(request: () => Promise<Answer>): Promise<() => Promise<Answer>> {
    sql.clear();
    const answer = request();
    while (sql.reads.length === 0) await setImmediate();
    for (let turn = 0; turn < 50; turn++) await setImmediate();
    return () => answer;
  }

  async function open(kind: 'reads' | 'writes'): Promise<void> {
    await transaction.startTransaction();
    const { manager } = transaction;
    if (kind === 'writes') await manager.update(User, john.id, { password: 'changed' });
    else await manager.find(User);
  }

  const me = async (token: string) => (await test.client.get('/owner', { token })).status;

  describe.each(['reads', 'writes'] as const)('that only %s', (kind) => {
    it.each([
      ['logout', 'rolls back'],
      ['logout', 'commits'],
      ['logoutall', 'rolls back'],
      ['logoutall', 'commits'],
    ])('a %s stays one when that %s', async (route, end) => {
      const token = await test.login('john');
      await open(kind);
      const answer = await meanwhile(() => test.client.post(`/auth/${route}`, { token }));
      if (end === 'commits') await transaction.commitTransaction();
      else await transaction.rollbackTransaction();

      expect((await answer()).status).toBe(204);
      const refused = await test.client.get('/owner', { token });
      expect([refused.status, refused.body]).toEqual([401, ERRORS.invalidToken]);
    });

    it('a login stays one when that rolls back', async () => {
      await open(kind);
      const answer = await meanwhile(() =>
        test.client.post('/auth/login', { body: { username: 'john', password: 'any' } }),
      );
      await transaction.rollbackTransaction();

      const { status, body } = await answer();
      expect(status).toBe(200);
      expect(await me(body.token as string)).toBe(200);
    });
  });

  it('a refresh stays one when that rolls back', async () => {
    const { authToken, token } = await test.tokens.create(john, { ttl: '2h' });
    const rows = test.dataSource.getRepository(AuthToken);
    const expiry = new Date(Date.now() + 60_000);
    await rows.update(authToken.digest, { expiry });
    await open('reads');
    const answer = await meanwhile(() => test.client.get('/owner', { token }));
    await transaction.rollbackTransaction();

    expect((await answer()).status).toBe(200);
    const [refreshed] = await test.tokens.list(john);
    expect(refreshed!.expiry!.getTime()).toBeGreaterThan(expiry.getTime());
  });

  it('the other request keeps what it commits', async () => {
    const token = await test.login('john');
    await open('writes');
    const answer = await meanwhile(() => test.client.post('/auth/logout', { token }));
    await transaction.commitTransaction();
    expect((await answer()).status).toBe(204);
    const { password } = await test.dataSource.getRepository(User).findOneByOrFail({ id: john.id });
    expect(password).toBe('changed');
  });
});
