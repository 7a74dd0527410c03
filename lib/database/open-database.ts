import type { DataSource } from 'typeorm';
import { KnoxConfigError } from '../errors/knox-config.error.ts';
import type { TokenSchema } from '../store/schema/token.schema.ts';
import type { Database } from './database.ts';
import { mariadbDialect } from './mariadb.dialect.ts';
import { PooledDatabase } from './pooled.database.ts';
import { postgresDialect } from './postgres.dialect.ts';
import { SqliteDatabase } from './sqlite.database.ts';

/** @throws KnoxConfigError for a driver the package does not know */
export function openDatabase(dataSource: DataSource, schema: TokenSchema): Database {
  const { type } = dataSource.options;
  switch (type) {
    case 'better-sqlite3':
      return new SqliteDatabase(dataSource);
    case 'postgres':
      return new PooledDatabase(dataSource, postgresDialect(dataSource, schema));
    case 'mariadb':
    case 'mysql':
      return new PooledDatabase(dataSource, mariadbDialect(dataSource, schema));
    default:
      throw new KnoxConfigError(
        'dataSource',
        `a data source of type "${type}" is not supported; use better-sqlite3, postgres, mariadb or mysql.`,
      );
  }
}
