import { sql, type Sql } from './sql.ts';
import { inList, type RowLock, type ServerDialect } from './sql.dialect.ts';

const bytesOf = (value: unknown): Sql => sql`BINARY CONVERT(${value} USING utf8mb4)`;

/**
 * A small table is scanned, whatever the index hints say, and each row that is passed is locked. So the rows are found
 * first, which locks nothing at READ COMMITTED, and then each is taken by its key.
 */
function foundFirst(table: Sql, key: Sql, values: readonly unknown[]): Sql {
  const found = sql`SELECT ${key} AS found FROM ${table} WHERE ${inList(key, values)} LIMIT ${sql.raw(String(values.length))}`;
  return sql`(${found}) AS x STRAIGHT_JOIN ${table} ON ${table}.${key} = x.found`;
}
/** A lock's name holds for the whole server, and has at most 64 characters. */
const lockNameOf = (name: string): Sql => sql`SHA2(CONCAT_WS(':', DATABASE(), ${name}), 224)`;

export function mariadbDialect(server: 'mariadb' | 'mysql'): ServerDialect {
  const lock = ({ table, key, value }: RowLock, ms: number): Sql => {
    // MySQL 8 has no such clause: there innodb_lock_wait_timeout ends the wait.
    const wait = sql.raw(server === 'mariadb' ? ` WAIT ${String(Math.ceil(ms / 1000))}` : '');
    return sql`SELECT ${key} FROM ${table} WHERE ${key} = ${value} FOR UPDATE${wait}`;
  };
  return {
    placeholder: () => '?',
    identifier: (name) => sql.raw(`\`${name.replaceAll('`', '``')}\``),
    // The first condition finds the row by its index. The second compares the bytes of both in UTF-8: a collation
    // takes other texts for equal, and the application's own connection may have another character set.
    textEquals: (column, value) =>
      sql`${column} = ${value} AND ${bytesOf(column)} = ${bytesOf(value)}`,
    anyOf: inList,
    deleteByKey: (table, key, values) =>
      sql`DELETE ${table} FROM ${foundFirst(table, key, values)}`,
    updateByKey: (table, key, values, changes, condition) =>
      sql`UPDATE ${foundFirst(table, key, values)} SET ${changes} WHERE ${condition}`,
    deleteBatchSize: 500,
    isInProcess: false,
    skipLocked: sql.raw(' FOR UPDATE SKIP LOCKED'),
    currentRead: sql.raw(' LOCK IN SHARE MODE'),
    isolationLevel: null,
    begin: (ms, rowLock) => [
      // At READ COMMITTED, as the session of each of our connections is.
      sql`START TRANSACTION`,
      ...(rowLock ? [lock(rowLock, ms)] : []),
    ],
    lock,
    tryLock: (name) => sql`SELECT GET_LOCK(${lockNameOf(name)}, 0) AS taken`,
    unlock: (name) => sql`SELECT RELEASE_LOCK(${lockNameOf(name)})`,
    errorCodes: {
      transient: ['ER_LOCK_DEADLOCK', 'ER_CHECKREAD'],
      missingReference: ['ER_NO_REFERENCED_ROW', 'ER_NO_REFERENCED_ROW_2'],
    },
  };
}
