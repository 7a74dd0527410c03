import { sql, type Sql } from './sql.ts';
import { inList, type RowLock, type SqlDialect } from './sql.dialect.ts';

/** MariaDB has clauses that bound a wait; on MySQL 8 its innodb_lock_wait_timeout ends the wait. */
type Server = 'mariadb' | 'mysql';

const seconds = (ms: number): string => String(Math.ceil(ms / 1000));

export function mariadbDialect(server: Server): SqlDialect {
  const isMariaDb = server === 'mariadb';
  const lock = ({ table, key, value }: RowLock, ms: number): Sql => {
    const wait = sql.raw(isMariaDb ? ` WAIT ${seconds(ms)}` : '');
    return sql`SELECT ${key} FROM ${table} WHERE ${key} = ${value} FOR UPDATE${wait}`;
  };
  return {
    placeholder: () => '?',
    identifier: (name) => sql.raw(`\`${name.replaceAll('`', '``')}\``),
    // The first condition finds the row by its index. The second compares the bytes, in UTF-8, in which the
    // client sends its parameters: a collation takes other texts for equal.
    textEquals: (column, value) =>
      sql`${column} = ${value} AND BINARY CONVERT(${column} USING utf8mb4) = ${value}`,
    anyOf: inList,
    skipLocked: sql.raw(' FOR UPDATE SKIP LOCKED'),
    currentRead: sql.raw(' LOCK IN SHARE MODE'),
    isolationLevel: null,
    begin: (ms, rowLock) => [
      // At READ COMMITTED, as the session of each of our connections is.
      sql`START TRANSACTION`,
      ...(rowLock ? [lock(rowLock, ms)] : []),
    ],
    lock,
    boundWait: (statement, ms) =>
      isMariaDb
        ? sql`${sql.raw(`SET STATEMENT innodb_lock_wait_timeout = ${seconds(ms)} FOR `)}${statement}`
        : statement,
    errorCodes: {
      transient: ['ER_LOCK_DEADLOCK', 'ER_CHECKREAD'],
      missingReference: ['ER_NO_REFERENCED_ROW', 'ER_NO_REFERENCED_ROW_2'],
    },
  };
}
