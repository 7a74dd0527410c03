import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Table } from 'typeorm';
import { DataSource } from 'typeorm';
import { AuthToken, SessionToken } from '../../lib/index.ts';
import { createDatabase, DATABASES, type TestDatabase } from '../support/databases.ts';
import { describeOnServers } from '../support/describe-on.ts';
import { startOwnerApp, type OwnerApp } from '../support/owner-app.ts';
import { startSessionApp } from '../support/session-app.ts';
import { SqlLog } from '../support/sql-log.ts';
import { User } from '../support/users.ts';

const COLUMNS = ['name', 'abilities', 'last_used', 'ip', 'user_agent', 'authenticated'];

describe.each(DATABASES)('a migration from AuthToken to SessionToken on %s', (name) => {
  let database: TestDatabase;
  const open = (entity: typeof AuthToken | typeof SessionToken): Promise<DataSource> =>
    new DataSource({
      ...database.options,
      entities: [User, entity],
    }).initialize();
  /** Starts an application with this token entity, and leaves the tables as they are. */
  async function ask<T>(
    tokenEntity: typeof AuthToken | typeof SessionToken,
    question: (test: OwnerApp<AuthToken>) => Promise<T>,
  ): Promise<T> {
    const entities = [User, tokenEntity];
    const dataSource = { ...database.options, entities, synchronize: false };
    const test = await startOwnerApp({ dataSource, owner: User, knox: { tokenEntity } });
    try {
      return await question(test);
    } finally {
      await test.close();
    }
  }
  const statusOf = async ({ client }: OwnerApp<AuthToken>, token: string): Promise<number> =>
    (await client.get('/owner', { token })).status;
  beforeAll(async () => {
    database = await createDatabase(name);
  });
  afterAll(() => database.drop());

  it('adds nullable columns, harms no row, and can be reverted', async () => {
    const old = await open(AuthToken);
    await old.synchronize();
    const john = await old.getRepository(User).save({ username: 'john', password: 'x' });
    const rows = Array.from({ length: 3 }, (_, i) => ({
      digest: String(i).repeat(128),
      tokenKey: String(i).repeat(15),
      user: john,
      created: new Date(1_700_000_000_000 + i),
      expiry: i === 0 ? null : new Date(1_900_000_000_000 + i),
      ttl: i === 0 ? null : i,
    }));
    await old.getRepository(AuthToken).insert(rows);
    const made = await ask(AuthToken, (test) => test.login('john'));
    const read = () => old.getRepository(AuthToken).find({ order: { digest: 'ASC' } });
    const before = await read();
    expect(before).toHaveLength(4);

    const source = await open(SessionToken);
    const { upQueries, downQueries } = await source.driver.createSchemaBuilder().log();
    for (const { query, parameters } of upQueries) await source.query(query, parameters);
    const table = (await source.createQueryRunner().getTable('knox_auth_token')) as Table;
    const added = table.columns.filter((column) => COLUMNS.includes(column.name));
    expect(added.map((column) => column.name).sort()).toEqual([...COLUMNS].sort());
    expect(added.filter((column) => !column.isNullable)).toEqual([]);
    expect(table.columns).toHaveLength(COLUMNS.length + 6);
    const migrated = await source.getRepository(SessionToken).find({ order: { digest: 'ASC' } });
    for (const [i, token] of migrated.entries()) {
      expect({ ...token.toJSON(), digest: token.digest }).toMatchObject({
        ...before[i]!.toJSON(),
        digest: before[i]!.digest,
      });
      const { abilities, lastUsed, ip, userAgent, authenticated } = token;
      expect({ name: token.name, abilities, lastUsed, ip, userAgent, authenticated }).toEqual({
        name: null,
        abilities: null,
        lastUsed: null,
        ip: null,
        userAgent: null,
        authenticated: null,
      });
    }
    expect(await ask(SessionToken, (test) => statusOf(test, made))).toBe(200);
    const again = await source.driver.createSchemaBuilder().log();
    expect(again.upQueries).toEqual([]);

    // In the order in which TypeORM writes them into a migration.
    for (const { query, parameters } of downQueries.reverse())
      await source.query(query, parameters);
    expect(await read()).toEqual(before);
    expect(await ask(AuthToken, (test) => statusOf(test, made))).toBe(200);
    expect((await old.driver.createSchemaBuilder().log()).upQueries).toEqual([]);
    await source.destroy();
    await old.destroy();
  });
});

/** Rows that the server makes itself: 10,000 of the first user, and 100,000 of others. */
const FILL = {
  postgres: [
    `INSERT INTO users (username, password) SELECT 'user-' || i, '' FROM generate_series(1, 100) i`,
    `INSERT INTO knox_auth_token (digest, token_key, user_id, created)
     SELECT md5(i::text) || md5('b' || i) || md5('c' || i) || md5('d' || i), 'k',
            (SELECT MIN(id) FROM users) + CASE WHEN i <= 10000 THEN 0 ELSE 1 + i % 99 END, i
     FROM generate_series(1, 110000) i`,
    'ANALYZE knox_auth_token',
  ],
  mariadb: [
    `INSERT INTO users (username, password) SELECT CONCAT('user-', seq), '' FROM seq_1_to_100`,
    `INSERT INTO knox_auth_token (digest, token_key, user_id, created)
     SELECT CONCAT(MD5(seq), MD5(CONCAT('b', seq)), MD5(CONCAT('c', seq)), MD5(CONCAT('d', seq))), 'k',
            (SELECT MIN(id) FROM users) + IF(seq <= 10000, 0, 1 + seq % 99), seq
     FROM seq_1_to_110000`,
    'ANALYZE TABLE knox_auth_token',
  ],
};

/** By which columns' indexes the statement finds rows; 'none' is a scan. */
const INDEXED = {
  postgres: async (dataSource: DataSource, query: string, parameters: unknown[]) => {
    const plan = JSON.stringify(
      await dataSource.query(`EXPLAIN (FORMAT JSON) ${query}`, parameters),
    );
    const conditions = [...plan.matchAll(/"Index Cond":"\(+(\w+)\W/g)].map(([, column]) => column);
    return [...conditions, ...(plan.includes('"Seq Scan"') ? ['none'] : [])];
  },
  mariadb: async (dataSource: DataSource, query: string, parameters: unknown[]) => {
    const steps: { type: string; key: string }[] = await dataSource.query(
      `EXPLAIN ${query}`,
      parameters,
    );
    const indexes: { key: string; name: string }[] = await dataSource.query(
      `SELECT index_name AS \`key\`, column_name AS name FROM information_schema.statistics
       WHERE table_schema = DATABASE() AND table_name = 'knox_auth_token'`,
    );
    return steps.map(({ type, key }) =>
      ['const', 'ref'].includes(type) ? indexes.find((index) => index.key === key)!.name : 'none',
    );
  },
};

describeOnServers('a session by its id on %s', (name) => {
  it('is looked for among its owner’s rows, by the index of the owner', async () => {
    const test = await startSessionApp({ database: name });
    try {
      for (const statement of FILL[name]) await test.dataSource.query(statement);
      const owner = await test.users.findOneByOrFail({});
      const [row] = await test.rows.find({ where: { user: { id: owner.id } }, take: 1 });
      const asked: [query: string, parameters: unknown[] | undefined][] = [];
      const log = new SqlLog(test.dataSource);
      log.logQuery = (query: string, parameters?: unknown[]) => {
        asked.push([query, parameters]);
      };
      const found = await test.tokens.find(owner, row!.publicId);
      expect(found!.digest).toBe(row!.digest);
      const statements = asked.filter(([query]) => query.includes('knox_auth_token'));
      expect(statements).toHaveLength(1);
      const [[query, parameters]] = statements as [[string, unknown[]]];
      const columns = await INDEXED[name](test.dataSource, query, parameters);
      expect(columns.sort()).toEqual(['digest', 'user_id']);
    } finally {
      await test.close();
    }
  });
});
