import type { DataSource, QueryRunner } from 'typeorm';
import type { OwnerKey } from '../store/schema/owner.schema.ts';
import type { TokenSchema } from '../store/schema/token.schema.ts';
import type { Statement } from './database.ts';
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
  const lockOwner = (owner: OwnerKey, ms: number): Statement => ({
    sql: `SELECT ${key} FROM ${table} WHERE ${key} = ? FOR UPDATE${wait(ms)}`,
    parameters: [owner],
  });
  return {
    comparesLoosely: true,
    takesArrays: false,
    currentReadLock: ' LOCK IN SHARE MODE',
    isolationLevel: null,
    transientCodes: ['ER_LOCK_DEADLOCK', 'ER_CHECKREAD'],
    missingOwnerCodes: ['ER_NO_REFERENCED_ROW', 'ER_NO_REFERENCED_ROW_2'],
    poolSize: options.extra?.connectionLimit ?? options.poolSize ?? DEFAULT_POOL_SIZE,
    // Counting inside of the INSERT would take locks that make different owners wait for one another.
    insertsWithinLimit: false,
    begin: (ms, owner) => [
      { sql: 'SET TRANSACTION ISOLATION LEVEL READ COMMITTED', parameters: [] },
      { sql: 'START TRANSACTION', parameters: [] },
      ...(owner === null ? [] : [lockOwner(owner, ms)]),
    ],
    lockOwner,
    // MySQL has no such prefix either.
    boundWait: (sql, ms) =>
      options.type === 'mariadb'
        ? `SET STATEMENT innodb_lock_wait_timeout = ${String(Math.ceil(ms / 1000))} FOR ${sql}`
        : sql,
    abandon(runner: MysqlRunner) {
      runner.databaseConnection?.destroy();
      return Promise.resolve();
    },
  };
}
