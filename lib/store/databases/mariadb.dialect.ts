import type { DataSource, QueryRunner } from 'typeorm';
import type { TokenSchema } from '../token.schema.ts';
import type { Dialect } from './pooled.database.ts';

/** What mysql2's pool holds where nothing is said. */
const DEFAULT_POOL_SIZE = 10;

/** The part of a mysql2 pool connection that is used here. */
type MysqlRunner = QueryRunner & { databaseConnection?: { destroy(): void } };

/** MariaDB, and MySQL 8. */
export function mariadbDialect(dataSource: DataSource, schema: TokenSchema): Dialect {
  const options = dataSource.options as {
    type: string;
    poolSize?: number;
    extra?: { connectionLimit?: number };
  };
  const { table, key } = schema.owner;
  // MySQL has no such clause; there its innodb_lock_wait_timeout ends the wait.
  const wait = (ms: number): string =>
    options.type === 'mariadb' ? ` WAIT ${String(Math.ceil(ms / 1000))}` : '';
  return {
    comparesLoosely: true,
    takesArrays: false,
    currentReadLock: ' LOCK IN SHARE MODE',
    isolationLevel: null,
    transientCodes: ['ER_LOCK_DEADLOCK', 'ER_CHECKREAD'],
    missingOwnerCodes: ['ER_NO_REFERENCED_ROW', 'ER_NO_REFERENCED_ROW_2'],
    poolSize: options.extra?.connectionLimit ?? options.poolSize ?? DEFAULT_POOL_SIZE,
    begin: () => ['SET TRANSACTION ISOLATION LEVEL READ COMMITTED', 'START TRANSACTION'],
    lockOwner: (owner, ms) => ({
      sql: `SELECT ${key} FROM ${table} WHERE ${key} = ? FOR UPDATE${wait(ms)}`,
      parameters: [owner],
    }),
    abandon(runner: MysqlRunner) {
      runner.databaseConnection?.destroy();
    },
  };
}
