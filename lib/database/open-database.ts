import type { DataSource } from 'typeorm';
import { KnoxConfigError } from '../errors/knox-config.error.ts';
import type { Database } from './database.ts';
import { MariadbDriver } from './mariadb.driver.ts';
import type { PoolSettings } from './pool.driver.ts';
import { PooledDatabase } from './pooled.database.ts';
import { PostgresDriver } from './postgres.driver.ts';
import { SqliteDatabase } from './sqlite.database.ts';
import { sourceOf } from './typeorm-internals.ts';

/** @throws KnoxConfigError for a driver that the package does not know, or that has no pool of connections */
export function openDatabase(dataSource: DataSource, settings: PoolSettings): Database {
  const { type } = dataSource.options;
  switch (type) {
    case 'better-sqlite3':
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

/**
 * A driver such as that of PGlite shares one connection among all, so that a second one of ours would be the same: a
 * rollback of the application would undo our logouts, and closing ours would close the application's.
 */
function checkPool(dataSource: DataSource): void {
  const { totalCount } = sourceOf(dataSource) as { totalCount?: unknown };
  if (typeof totalCount === 'number') return;
  throw new KnoxConfigError(
    'dataSource',
    'the `driver` of the data source has no pool of connections like that of pg, but the package needs connections ' +
      'of its own; use pg, or better-sqlite3 for tests without a server.',
  );
}
