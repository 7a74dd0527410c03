import type { QueryRunner } from 'typeorm';
import type { Operation } from '../async/operation.ts';
import type { Lane } from '../async/semaphore.ts';
import { KnoxError } from '../errors/knox.error.ts';
import type { RowLock, SqlDialect } from './sql.dialect.ts';
import { render, type Sql } from './sql.ts';

export type Row = Readonly<Record<string, unknown>>;

export interface QueryResult {
  readonly rows: readonly Row[];
  readonly affected: number;
}

/**
 * A sequence of statements, each made from the results of those before it. It is a generator, so that the same
 * sequence runs awaited on a server and in one synchronous stroke on SQLite, where a transaction that spans
 * turns of the event loop would lock out the whole process.
 */
export type Statements<T> = Generator<Sql, T, QueryResult>;

/** Begins such a sequence; again for each attempt. */
export type TransactionScript<T> = () => Statements<T>;

/** A connection that is ours while the work that was given it lasts. */
export interface Connection {
  /** For what TypeORM runs itself. It is in no transaction. */
  readonly runner: QueryRunner;
  /** @param isFrequent whether the same text is sent again and again, with other parameters */
  query(statement: Sql, isFrequent?: boolean): Promise<QueryResult>;
}

/** Trying again may succeed; a row that a foreign key points at is not there; anything else. */
export type ErrorKind = 'transient' | 'missing_reference' | 'fault';

/**
 * A database as the store sees it: connections, transactions, deadlines and retries. It knows no token. Each
 * promise settles when the work is over: work that is late is ended and rejects with a DeadlineExceededError, as
 * work does for which there is no connection in time; too much of it rejects with an OverloadError. What fails
 * for a transient reason is tried again until the deadline.
 */
export interface Database {
  readonly dialect: SqlDialect;
  classify(error: unknown): ErrorKind;
  /**
   * Runs queries on a connection that sees all that is committed and nothing else, never on a replica. Lookups go
   * before all else that waits. The work is not begun after the deadline; it may be begun again after a transient error.
   */
  connect<T>(lane: Lane, op: Operation, work: (connection: Connection) => Promise<T>): Promise<T>;
  /** Runs one statement that writes; it is committed when the promise resolves. */
  execute(statement: Sql, op: Operation): Promise<QueryResult>;
  /**
   * Runs a script in a transaction at READ COMMITTED, committed when the promise resolves.
   *
   * @param lock is taken first
   * @throws OutcomeUnknownError if no answer to the COMMIT came
   */
  transaction<T>(lock: RowLock | null, op: Operation, script: TransactionScript<T>): Promise<T>;
  /**
   * Runs a script in a transaction of our own, unless another process runs one of this name at this moment: then null.
   */
  transactionAlone<T>(name: string, op: Operation, script: TransactionScript<T>): Promise<T | null>;
  /**
   * Runs a script in the application's own transaction.
   *
   * @param lock is taken first, and held until that transaction ends
   * @throws IsolationLevelError if there is a lock, but the transaction sees an old snapshot only
   */
  runIn<T>(
    transaction: QueryRunner,
    lock: RowLock | null,
    op: Operation,
    script: TransactionScript<T>,
  ): Promise<T>;
  /**
   * Runs queries that see all that is committed while the application's transaction is open: beside it, on a connection
   * of ours, as a lookup; on SQLite in it, because there nobody else commits meanwhile.
   */
  connectBeside<T>(
    transaction: QueryRunner,
    op: Operation,
    work: (connection: Pick<Connection, 'query'>) => Promise<T>,
  ): Promise<T>;
  /** Whether the application's transaction can change what others commit while it is open. */
  seesCommits(transaction: QueryRunner): Promise<boolean>;
  /** Closes our connections; those in use as soon as they are given back. */
  close(): Promise<void>;
}

/** A COMMIT was sent, and no answer came: the transaction may have been committed or not. */
export class OutcomeUnknownError extends KnoxError {
  override readonly name = 'OutcomeUnknownError';
  readonly code = 'outcome_unknown';

  constructor(cause: unknown) {
    const reason = cause instanceof Error ? cause.message : typeof cause;
    super(`The outcome of a commit is unknown: ${reason}`, { cause });
  }
}

/** What work is told that comes when the connections are closed. */
export function closedError(): Error {
  return new Error('nestjs-knox has closed its connections: the application is closed.');
}

/**
 * Runs a script on one connection. No statement is sent after the deadline: by then the caller has been told that
 * the work failed, and may have ended the transaction.
 */
export async function runScript<T>(
  script: TransactionScript<T>,
  op: Operation,
  query: (statement: Sql) => Promise<QueryResult>,
): Promise<T> {
  const statements = script();
  let step = statements.next();
  while (!step.done) {
    op.deadline.throwIfPassed();
    step = statements.next(await query(step.value));
  }
  return step.value;
}

/** Runs a statement through TypeORM, on a runner of the application's. */
export async function queryByTypeorm(
  runner: QueryRunner,
  statement: Sql,
  dialect: SqlDialect,
): Promise<QueryResult> {
  const { text, parameters } = render(statement, dialect);
  const { records, affected } = await runner.query(text, [...parameters], true);
  return { rows: records as readonly Row[], affected: affected ?? 0 };
}

/** What kind of error this is, by the code of the driver's error. */
export function classifyByCode(error: unknown, { errorCodes }: SqlDialect): ErrorKind {
  const { code } = driverErrorOf(error);
  if (typeof code !== 'string') return 'fault';
  if (errorCodes.transient.includes(code)) return 'transient';
  return errorCodes.missingReference.includes(code) ? 'missing_reference' : 'fault';
}

/** The driver's error, under whatever TypeORM wrapped it in. */
export function driverErrorOf(error: unknown): Readonly<Record<string, unknown>> {
  const { driverError } = (error ?? {}) as { driverError?: unknown };
  return (driverError ?? error ?? {}) as Record<string, unknown>;
}
