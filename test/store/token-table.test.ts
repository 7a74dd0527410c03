import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { DataSource, type Table } from 'typeorm';
import { AuthToken, type HashAlgorithm } from '../../lib/index.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { freezeTime, restoreTime } from '../support/clock.ts';
import { DATABASES, createDatabase, type DatabaseName } from '../support/databases.ts';
import { User } from '../support/users.ts';

const NOW = Date.UTC(2025, 9, 26, 0, 30, 0, 123);
const INTEGER: Record<DatabaseName, string> = {
  sqlite: 'integer',
  postgres: 'integer',
  mariadb: 'int',
};

async function tableOf(dataSource: DataSource): Promise<Table> {
  const runner = dataSource.createQueryRunner();
  try {
    return (await runner.getTable('knox_auth_token')) as Table;
  } finally {
    await runner.release();
  }
}

describe.each(DATABASES)('the table knox_auth_token on %s', (database) => {
  let test: TestApp;
  let table: Table;
  beforeAll(async () => {
    test = await startApp({ database });
    table = await tableOf(test.dataSource);
  });
  afterAll(() => test.close());
  afterEach(async () => {
    restoreTime();
    await test.rows.deleteAll();
  });

  const rawRow = async () => {
    const [row] = await test.dataSource.query('SELECT * FROM knox_auth_token');
    return row as Record<string, unknown>;
  };

  it('has the columns of the contract', () => {
    const columns = table.columns.map(({ name, type, isNullable, isPrimary, length }) => ({
      name,
      type: type.replace('character varying', 'varchar'),
      isNullable,
      isPrimary,
      ...(type.includes('var') ? { length } : {}),
    }));
    const [pk, not, nul] = [{ isPrimary: true }, { isNullable: false }, { isNullable: true }];
    const plain = { isPrimary: false, ...not };
    expect(Object.fromEntries(columns.map((column) => [column.name, column]))).toEqual({
      digest: { ...not, ...pk, name: 'digest', type: 'varchar', length: '128' },
      token_key: { ...plain, name: 'token_key', type: 'varchar', length: '25' },
      user_id: { ...plain, name: 'user_id', type: INTEGER[database] },
      created: { ...plain, name: 'created', type: 'bigint' },
      expiry: { ...plain, ...nul, name: 'expiry', type: 'bigint' },
      ttl: { ...plain, ...nul, name: 'ttl', type: 'bigint' },
    });
  });

  it('has an index on each column it is searched by', () => {
    const indexed = table.indices.map(({ columnNames }) => columnNames.join());
    expect(indexed.sort()).toEqual(['expiry', 'token_key', 'user_id']);
  });

  it('refers to its owner, and goes with it', async () => {
    const keys = table.foreignKeys.map((key) => ({
      columns: key.columnNames,
      of: key.referencedTableName.split('.').pop(),
      referenced: key.referencedColumnNames,
      onDelete: key.onDelete,
    }));
    expect(keys).toEqual([
      { columns: ['user_id'], of: 'users', referenced: ['id'], onDelete: 'CASCADE' },
    ]);

    const leaver = await test.users.save(
      test.users.create({ username: 'leaver', password: '', isActive: true }),
    );
    await test.tokens.create(leaver);
    const { token } = await test.tokens.create(test.john);
    await test.users.delete(leaver.id);
    expect(await test.rows.count()).toBe(1);
    expect((await test.tokens.authenticate(token)).user).toEqual(test.john);
  });

  it('holds the digest of the whole token, its first characters, and instants in milliseconds', async () => {
    freezeTime(NOW);
    const { token } = await test.tokens.create(test.john, { ttl: '1.5s', prefix: 'pre-' });
    const row = await rawRow();
    expect(Object.keys(row).sort()).toEqual(
      ['created', 'digest', 'expiry', 'token_key', 'ttl', 'user_id'].sort(),
    );
    expect({ ...row, ...numbers(row) }).toEqual({
      digest: createHash('sha512').update(token, 'utf8').digest('hex'),
      token_key: token.slice(0, 15),
      user_id: test.john.id,
      created: NOW,
      expiry: NOW + 1_500,
      ttl: 1_500,
    });
  });

  it('holds NULL for no expiry and for the option’s ttl', async () => {
    freezeTime(NOW);
    await test.tokens.create(test.john, { ttl: null });
    expect(await rawRow()).toMatchObject({ expiry: null, ttl: null });
    await test.rows.deleteAll();
    await test.tokens.create(test.john);
    const row = await rawRow();
    expect(row.ttl).toBeNull();
    expect(Number(row.expiry)).toBe(NOW + 36_000_000);
  });

  it('refuses an Invalid Date, because stored as NULL the token would never expire', async () => {
    const { authToken } = await test.tokens.create(test.john);
    const update = test.rows.update(authToken.digest, { expiry: new Date(NaN) });
    await expect(update).rejects.toThrow(new TypeError('An Invalid Date cannot be stored.'));
  });
});

describe.each<HashAlgorithm>(['sha256', 'sha3-512', 'blake2b512'])(
  'with hashAlgorithm %s',
  (hashAlgorithm) => {
    it('the digest is of that algorithm', async () => {
      const test = await startApp({ knox: { hashAlgorithm } });
      const { token, authToken } = await test.tokens.create(test.john);
      expect(authToken.digest).toBe(createHash(hashAlgorithm).update(token).digest('hex'));
      expect(await test.rows.existsBy({ digest: authToken.digest })).toBe(true);
      expect((await test.tokens.authenticate(token)).user).toEqual(test.john);
      await test.close();
    });
  },
);

describe.each(DATABASES)('migrations on %s, of a data source outside NestJS', (name) => {
  it('make the table, leave nothing to change, and take it away', async () => {
    const database = await createDatabase(name);
    const dataSource = new DataSource({ ...database.options, entities: [User, AuthToken] });
    await dataSource.initialize();
    try {
      const migration = await dataSource.driver.createSchemaBuilder().log();
      for (const { query, parameters } of migration.upQueries) {
        await dataSource.query(query, parameters);
      }
      expect((await tableOf(dataSource)).columns).toHaveLength(6);
      const pending = await dataSource.driver.createSchemaBuilder().log();
      expect(pending.upQueries).toEqual([]);

      for (const { query, parameters } of migration.downQueries.reverse()) {
        await dataSource.query(query, parameters);
      }
      expect(await tableOf(dataSource)).toBeUndefined();
    } finally {
      await dataSource.destroy();
      await database.drop();
    }
  });
});

function numbers({ created, expiry, ttl }: Record<string, unknown>): object {
  return { created: Number(created), expiry: Number(expiry), ttl: Number(ttl) };
}
