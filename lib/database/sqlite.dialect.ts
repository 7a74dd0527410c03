import { sql } from './sql.ts';
import { inList, type SqlDialect } from './sql.dialect.ts';

/** SQLite has a single writer: a transaction needs no lock on a row. */
export const SQLITE: SqlDialect = {
  placeholder: () => '?',
  identifier: (name) => sql.raw(`"${name.replaceAll('"', '""')}"`),
  textEquals: (column, value) => sql`${column} = ${value}`,
  anyOf: inList,
  deleteByKey: (table, key, values) => sql`DELETE FROM ${table} WHERE ${inList(key, values)}`,
  updateByKey: (table, key, values, changes, condition) =>
    sql`UPDATE ${table} SET ${changes} WHERE ${inList(key, values)} AND ${condition}`,
  // A transaction is one stroke of the event loop.
  deleteBatchSize: 50,
  isInProcess: true,
  skipLocked: sql.empty,
  currentRead: sql.empty,
  errorCodes: {
    transient: [
      'SQLITE_BUSY',
      'SQLITE_BUSY_RECOVERY',
      'SQLITE_BUSY_SNAPSHOT',
      'SQLITE_BUSY_TIMEOUT',
      'SQLITE_LOCKED',
      'SQLITE_LOCKED_SHAREDCACHE',
    ],
    missingReference: ['SQLITE_CONSTRAINT_FOREIGNKEY'],
  },
};
