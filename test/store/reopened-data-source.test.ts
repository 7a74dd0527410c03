import { copyFileSync, existsSync, renameSync, rmSync } from 'node:fs';
import { afterEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { AuthToken } from '../../lib/index.ts';
import { createDatabase, DATABASES, type TestDatabase } from '../support/databases.ts';
import { ERRORS } from '../support/errors.ts';
import { startOwnerApp, type OwnerApp } from '../support/owner-app.ts';
import { User } from '../support/users.ts';

const databases: TestDatabase[] = [];
let test: OwnerApp<AuthToken>;

async function start(database: TestDatabase, options = {}): Promise<OwnerApp<AuthToken>> {
  const dataSource = { ...database.options, ...options, entities: [User, AuthToken] };
  test = await startOwnerApp({ dataSource, owner: User });
  await test.dataSource
    .getRepository(User)
    .save({ username: 'john', password: '', isActive: true });
  return test;
}

async function create(...args: Parameters<typeof createDatabase>): Promise<TestDatabase> {
  const database = await createDatabase(...args);
  databases.push(database);
  return database;
}

afterEach(async () => {
  await test.close();
  for (const database of databases.splice(0)) await database.drop();
});

const statusOf = async (token: string): Promise<number> =>
  (await test.client.get('/owner', { token })).status;

describe.each(DATABASES)('a data source on %s that is destroyed', (name) => {
  it('takes the package’s connections with it, and brings new ones when it is initialized', async () => {
    await start(await create(name));
    const token = await test.login('john');
    const sessions = await sessionsOf(test.dataSource);
    await test.dataSource.destroy();
    expect(await sessions()).toBe(0);
    const { status, body } = await test.client.get('/owner', { token });
    expect([status, body]).toEqual([503, ERRORS.unavailable]);
    await test.dataSource.initialize();
    expect(await statusOf(token)).toBe(200);
    expect(await statusOf(await test.login('john'))).toBe(200);
  });
});

describe.each([true, false])(
  'an SQLite file that is replaced by a backup (WAL: %s)',
  (enableWAL) => {
    it.each([
      ['renamed', renameSync],
      ['copied', copyFileSync],
    ])('that is %s: the package sees what the application sees', async (_, put) => {
      const [database, backup] = [await create('sqlite'), await create('sqlite')];
      await start(backup, { enableWAL });
      await test.close();
      await start(database, { enableWAL });
      const [old, other] = [await test.login('john'), await test.login('john')];
      expect(await statusOf(old)).toBe(200);

      const file = String(database.options.database);
      await test.dataSource.destroy();
      expect(existsSync(`${file}-wal`)).toBe(false);
      rmSync(`${String(backup.options.database)}-wal`, { force: true });
      put(String(backup.options.database), file);
      await test.dataSource.initialize();

      expect(await statusOf(old)).toBe(401);
      expect(await test.dataSource.getRepository(AuthToken).count()).toBe(0);
      const token = await test.login('john');
      expect(await test.dataSource.getRepository(AuthToken).count()).toBe(1);
      await test.dataSource.getRepository(AuthToken).clear();
      expect([await statusOf(token), await statusOf(other)]).toEqual([401, 401]);
      expect(await test.dataSource.query('PRAGMA integrity_check')).toEqual([
        { integrity_check: 'ok' },
      ]);
    });
  },
);

/** Counts the sessions that a server has for the database of this data source; of a file, none. */
async function sessionsOf({ options }: DataSource): Promise<() => Promise<number>> {
  if (options.type === 'better-sqlite3') return () => Promise.resolve(0);
  const isPostgres = options.type === 'postgres';
  const server = await new DataSource({
    ...options,
    entities: [],
    synchronize: false,
    database: isPostgres ? 'postgres' : 'mysql',
  } as never).initialize();
  const text = isPostgres
    ? 'SELECT count(*) AS count FROM pg_stat_activity WHERE datname = $1'
    : 'SELECT count(*) AS count FROM information_schema.processlist WHERE db = ?';
  return async () => {
    // A server hears of the end of a connection a moment later.
    await new Promise((resolve) => setTimeout(resolve, 300));
    const [{ count }] = await server.query<[{ count: string }]>(text, [options.database]);
    await server.destroy();
    return Number(count);
  };
}
