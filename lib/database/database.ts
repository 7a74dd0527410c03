import type { QueryRunner } from 'typeorm';
import type { Deadline } from '../async/deadline.ts';
import type { OwnerKey } from '../store/schema/owner.schema.ts';

/** One SQL statement, its placeholders in the driver's own style. */
export interface Statement {
  readonly sql: string;
  readonly parameters: readonly unknown[];
}

export type Row = Readonly<Record<string, unknown>>;
export type Rows = readonly Row[];

export interface StatementResult {
  readonly rows: Rows;
  readonly affected: number;
}

/**
 * A sequence of statements, each made from the results of those before it. A generator, so that
 * the same sequence runs awaited on a pooled connection and in one synchronous stroke on SQLite,
 * where a transaction that spans turns of the event loop would lock out the whole process.
 */
export type Script<T> = Generator<Statement, T, StatementResult>;

/** Whose turn a transaction takes; nobody's where no owner is named. */
export interface Turn {
  readonly owner: OwnerKey | null;
  /** Whether the owner's lock is taken too, which keeps out every other process. */
  readonly locks: boolean;
}

/** What the three databases do differently. All else in the store is shared. */
export interface Database {
  /** Whether SELECT takes `FOR UPDATE SKIP LOCKED`. */
  readonly locksRows: boolean;
  /**
   * Whether text is compared without regard to case, accents or trailing space, as the collation
   * of a MariaDB server may have it.
   */
  readonly comparesLoosely: boolean;
  /** Whether `= ANY(?)` takes many values in one parameter, `{a,b}`. */
  readonly takesArrays: boolean;
  /** Whether an INSERT may count, behind the owner's lock. */
  readonly insertsWithinLimit: boolean;
  /** What a SELECT ends with that must not read an old snapshot. */
  readonly currentReadLock: string;
  /**
   * Runs a query on a connection that sees all that is committed and nothing else, never on a
   * replica. Not begun after the deadline.
   */
  read<T>(query: (runner: QueryRunner) => Promise<T>, deadline: Deadline): Promise<T>;
  /**
   * The rows of a statement that is made when there is a connection for it, as `read` chooses one, before
   * all else that waits for one; of no statement if there is none to make.
   */
  lookUp(make: () => Statement | null, deadline: Deadline): Promise<Rows>;
  /**
   * Deletes rows by a statement of its own, committed when the promise resolves. No two about one key
   * hold a connection of this process at the same time: a row that is locked holds up one of them.
   */
  delete(key: string, statement: Statement, deadline: Deadline): Promise<number>;
  /**
   * Runs a script in a transaction of its own at READ COMMITTED, committed when the promise
   * resolves. No two of one owner hold a connection of this process at the same time, whether or
   * not they lock: what one of them waits for, the others would wait for too.
   *
   * @throws OutcomeUnknownError
   */
  transaction<T>(turn: Turn, script: () => Script<T>, deadline: Deadline): Promise<T>;
  /**
   * Runs a script in a transaction of the application's own; with an owner, under the owner's lock.
   *
   * @throws IsolationError if the transaction is at an isolation level that shows it an old snapshot only
   */
  within<T>(
    runner: QueryRunner,
    owner: OwnerKey | null,
    script: () => Script<T>,
    deadline: Deadline,
  ): Promise<T>;
  /** Whether trying the same again may well succeed: a deadlock, a serialization failure, a lock. */
  readonly isTransient: (error: unknown) => boolean;
  /** Whether the owner that a new token points at is not there. */
  isMissingOwner(error: unknown): boolean;
  close(): Promise<void>;
}

/** A COMMIT was sent, and no answer came: the transaction may have happened or not. */
export class OutcomeUnknownError extends Error {
  override readonly name = 'OutcomeUnknownError';

  constructor(cause: unknown) {
    const reason = cause instanceof Error ? cause.message : typeof cause;
    super(`The outcome of a commit is unknown: ${reason}`, { cause });
  }
}

/**
 * Runs a script on a TypeORM query runner. None of its statements is sent after the deadline: whoever
 * was told by then that it failed may have ended the transaction, and what comes after that has none.
 */
export async function runScript<T>(
  runner: QueryRunner,
  script: Script<T>,
  deadline: Deadline,
): Promise<T> {
  let step = script.next();
  while (!step.done) {
    deadline.throwIfPassed();
    step = script.next(await runStatement(runner, step.value));
  }
  return step.value;
}

export async function runStatement(
  runner: QueryRunner,
  { sql, parameters }: Statement,
): Promise<StatementResult> {
  const result = await runner.query(sql, [...parameters], true);
  return {
    rows: result.records as Rows,
    affected: result.affected ?? 0,
  };
}

/** The code of the driver's error, under whatever TypeORM wrapped it in. */
export function driverCode(error: unknown): unknown {
  const { driverError } = (error ?? {}) as { driverError?: unknown };
  return ((driverError ?? error ?? {}) as { code?: unknown }).code;
}
