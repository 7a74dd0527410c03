import { sql, type Placeholders, type Sql } from './sql.ts';

/** A row that a transaction locks before it does anything else. */
export interface RowLock {
  /** What all processes call it, for a database that locks by name. */
  readonly name: string;
  readonly table: Sql;
  readonly key: Sql;
  readonly value: string | number;
}

/** How one database writes SQL. It does no I/O and knows no driver. */
export interface SqlDialect extends Placeholders {
  /** The escaped name of a table, a column or an alias. */
  identifier(name: string): Sql;
  /** Whether a text column is exactly this value, or that of another column: same case, same accents, same trailing spaces. */
  textEquals(column: Sql, value: unknown): Sql;
  /** Whether a column is one of these values, of which there is one or more. */
  anyOf(column: Sql, values: readonly unknown[]): Sql;
  /** Deletes rows by their primary key, and locks no others. */
  deleteByKey(table: Sql, key: Sql, values: readonly unknown[]): Sql;
  /** Changes those rows of these primary keys that meet a condition, and locks no others. */
  updateByKey(table: Sql, key: Sql, values: readonly unknown[], changes: Sql, condition: Sql): Sql;
  /** How many rows one transaction deletes, where there are many to delete: nobody waits for long. */
  readonly deleteBatchSize: number;
  /** Whether its transactions hold up the event loop. */
  readonly isInProcess: boolean;
  /** Ends a SELECT that locks its rows and leaves out those that others have locked. */
  readonly skipLocked: Sql;
  /** Ends a SELECT that must see what is committed by now, in a transaction that reads an older snapshot. */
  readonly currentRead: Sql;
  readonly errorCodes: {
    /** Trying again may succeed: a deadlock, a serialization failure, a lock. */
    readonly transient: readonly string[];
    /** A row that a foreign key points at is not there. */
    readonly missingReference: readonly string[];
  };
}

/** How a server, whose transactions run side by side, writes SQL. */
export interface ServerDialect extends SqlDialect {
  /** Asks for a transaction's isolation level, if there is one that cannot see new commits; else null. */
  readonly isolationLevel: Sql | null;
  /**
   * Opens a transaction at READ COMMITTED that the server itself ends after so many milliseconds, and takes
   * the lock. The lock is never taken in one statement with the INSERT, whose snapshot would be older.
   */
  begin(ms: number, lock: RowLock | null): readonly Sql[];
  /** Takes a lock until the end of the transaction; waits so many milliseconds for it. */
  lock(lock: RowLock, ms: number): Sql;
  /** Takes the lock of this name if it is free; selects as `taken` whether it was. */
  tryLock(name: string): Sql;
  /** Gives the lock back after the transaction; null: it ends with it. */
  unlock(name: string): Sql | null;
}

/** `column IN (?, …)`. One value has the cheaper plan by `=`. */
export function inList(column: Sql, values: readonly unknown[]): Sql {
  if (values.length === 1) return sql`${column} = ${values[0]}`;
  return sql`${column} IN (${sql.join(values)})`;
}
