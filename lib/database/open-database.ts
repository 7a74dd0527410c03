import type { DataSource } from 'typeorm';
import { KnoxConfigError } from '../errors/knox-config.error.ts';
import type { Database } from './database.ts';
import { mariadbDialect } from './mariadb.dialect.ts';
import { MariadbDriver } from './mariadb.driver.ts';
import type { PoolSettings } from './pool.driver.ts';
import { PooledDatabase } from './pooled.database.ts';
import { POSTGRES } from './postgres.dialect.ts';
import { PostgresDriver } from './postgres.driver.ts';
import { SqliteDatabase } from './sqlite.database.ts';

/** @throws KnoxConfigError for a driver that the package does not know */
export function openDatabase(dataSource: DataSource, settings: PoolSettings): Database {
  const { type } = dataSource.options;
  switch (type) {
    case 'better-sqlite3':
      return new SqliteDatabase(dataSource);
    case 'postgres':
      return new PooledDatabase(dataSource, POSTGRES, new PostgresDriver(), settings);
    case 'mariadb':
    case 'mysql':
      return new PooledDatabase(
        dataSource,
        mariadbDialect(type),
        new MariadbDriver(type),
        settings,
      );
    default:
      throw new KnoxConfigError(
        'dataSource',
        `a data source of type "${type}" is not supported; use better-sqlite3, postgres, mariadb or mysql.`,
      );
  }
}
