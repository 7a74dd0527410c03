import { createHash } from 'node:crypto';
import { sql, type Sql } from './sql.ts';
import type { RowLock, ServerDialect } from './sql.dialect.ts';

/**
 * An advisory lock rather than the row's own: an application that updates the row meanwhile neither waits
 * for a login nor holds one up. Its key is a number that all processes compute alike.
 */
function lock({ name }: RowLock): Sql {
  return sql.raw(`SELECT pg_advisory_xact_lock(${keyOf(name)})`);
}

function keyOf(name: string): string {
  return String(createHash('sha256').update(name).digest().readBigInt64BE());
}

/** Many are one array, so that there is one text for all sizes. One value has the cheaper plan by `=`. */
function anyOf(column: Sql, values: readonly unknown[]): Sql {
  return values.length === 1 ? sql`${column} = ${values[0]}` : sql`${column} = ANY(${values})`;
}

export const POSTGRES: ServerDialect = {
  placeholder: (index) => `$${String(index + 1)}`,
  identifier: (name) => sql.raw(`"${name.replaceAll('"', '""')}"`),
  textEquals: (column, value) => sql`${column} = ${value}`,
  anyOf,
  deleteByKey: (table, key, values) => sql`DELETE FROM ${table} WHERE ${anyOf(key, values)}`,
  updateByKey: (table, key, values, changes, condition) =>
    sql`UPDATE ${table} SET ${changes} WHERE ${anyOf(key, values)} AND ${condition}`,
  deleteBatchSize: 500,
  isInProcess: false,
  skipLocked: sql.raw(' FOR UPDATE SKIP LOCKED'),
  currentRead: sql.empty,
  isolationLevel: sql`SELECT current_setting('transaction_isolation') AS level`,
  begin: (ms, rowLock) => {
    // 0 would be no timeout at all. The second one ends a transaction whose COMMIT got lost.
    const timeout = String(Math.max(1, Math.floor(ms)));
    const begin = sql.raw(
      'BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = 0; ' +
        `SET LOCAL statement_timeout = ${timeout}; ` +
        `SET LOCAL idle_in_transaction_session_timeout = ${timeout}`,
    );
    // In one message; the server still runs each as a statement.
    return [rowLock ? sql`${begin}; ${lock(rowLock)}` : begin];
  },
  lock,
  // Not a lock of the session: behind a pooler, others use the session next.
  tryLock: (name) => sql.raw(`SELECT pg_try_advisory_xact_lock(${keyOf(name)}) AS taken`),
  unlock: () => null,
  errorCodes: {
    // serialization_failure, deadlock_detected
    transient: ['40001', '40P01'],
    // foreign_key_violation
    missingReference: ['23503'],
  },
};
