import type { DataSource } from 'typeorm';
import { KnoxConfigError } from '../errors/knox-config.error.ts';
import type { Database } from './database.ts';
import { MariadbDriver } from './mariadb.driver.ts';
import type { PoolSettings } from './pool.driver.ts';
import { PooledDatabase } from './pooled.database.ts';
import { PostgresDriver } from './postgres.driver.ts';
import { SqliteDatabase, isInMemory } from './sqlite.database.ts';
import { sourceOf } from './typeorm-internals.ts';

/** The part of pg's pool that is used here. Only pg's own client reads the server's messages itself. */
interface PostgresPool {
  readonly totalCount?: unknown;
  readonly Client?: { readonly Query?: { readonly prototype: object } };
}

/** @throws KnoxConfigError for a driver that the package does not know, or that has no pool of connections */
export function openDatabase(dataSource: DataSource, settings: PoolSettings): Database {
  const { type } = dataSource.options;
  switch (type) {
    case 'better-sqlite3':
      checkLocking(dataSource);
      return new SqliteDatabase(dataSource);
    case 'postgres':
      checkPool(dataSource);
      return new PooledDatabase(dataSource, new PostgresDriver(), settings);
    case 'mariadb':
    case 'mysql':
      return new PooledDatabase(dataSource, new MariadbDriver(type), settings);
    default:
      throw new KnoxConfigError(
        'dataSource',
        `a data source of type "${type}" is not supported; use better-sqlite3, postgres, mariadb or mysql.`,
      );
  }
}

/** In memory there is one connection, which locks nobody out. */
function checkLocking(dataSource: DataSource): void {
  const file = sourceOf(dataSource) as { pragma(source: string, options: object): unknown };
  if (isInMemory(dataSource) || file.pragma('locking_mode', { simple: true }) !== 'exclusive') {
    return;
  }
  throw new KnoxConfigError(
    'dataSource',
    'the SQLite file is opened with locking_mode = EXCLUSIVE, which locks out the connection that the package opens ' +
      'for itself; take that pragma out of prepareDatabase.',
  );
}

/**
 * A driver such as that of PGlite shares one connection among all, so that a second one of ours would be the same: a
 * rollback of the application would undo our logouts, and closing ours would close the application's. pg-native can send
 * no statement with parameters beside others, and cancels no query that is late.
 */
function checkPool(dataSource: DataSource): void {
  const { totalCount, Client } = sourceOf(dataSource) as PostgresPool;
  if (typeof totalCount !== 'number') {
    throw new KnoxConfigError(
      'dataSource',
      'the `driver` of the data source has no pool of connections like that of pg, but the package needs connections ' +
        'of its own; use pg, or better-sqlite3 for tests without a server.',
    );
  }
  const messages = Client?.Query?.prototype;
  if (!messages || 'handleRowDescription' in messages) return;
  throw new KnoxConfigError(
    'dataSource',
    'the data source uses pg-native, as TypeORM does wherever that is installed, and the package needs pg itself; ' +
      'remove pg-native, or write `driver: { ...pg, native: undefined }` in the options of the data source.',
  );
}
