import { sql, type Sql } from './sql.ts';
import { inList, type RowLock, type ServerDialect } from './sql.dialect.ts';

export function mariadbDialect(server: 'mariadb' | 'mysql'): ServerDialect {
  const lock = ({ table, key, value }: RowLock, ms: number): Sql => {
    // MySQL 8 has no such clause: there innodb_lock_wait_timeout ends the wait.
    const wait = sql.raw(server === 'mariadb' ? ` WAIT ${String(Math.ceil(ms / 1000))}` : '');
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
    errorCodes: {
      transient: ['ER_LOCK_DEADLOCK', 'ER_CHECKREAD'],
      missingReference: ['ER_NO_REFERENCED_ROW', 'ER_NO_REFERENCED_ROW_2'],
    },
  };
}
