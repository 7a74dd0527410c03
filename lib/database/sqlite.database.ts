import type { DataSource, QueryRunner } from 'typeorm';
import {
  driverCode,
  runScript,
  type Database,
  type Rows,
  type Script,
  type Statement,
  type StatementResult,
  type Turn,
} from './database.ts';
import type { Deadline } from '../async/deadline.ts';
import type { OwnerKey } from '../store/schema/owner.schema.ts';
import { setImmediate } from '../async/system-timers.ts';
import { retryTransient } from '../async/retry.ts';
import { MAX_WAITING, Semaphore } from '../async/semaphore.ts';

/** The part of a better-sqlite3 connection that is used here. */
interface SqliteConnection {
  readonly inTransaction: boolean;
  exec(sql: string): unknown;
  pragma(source: string): unknown;
  close(): unknown;
  prepare(sql: string): PreparedStatement;
}

interface PreparedStatement {
  readonly reader: boolean;
  all(...parameters: unknown[]): unknown[];
  run(...parameters: unknown[]): { readonly changes: number };
}

/** How many queries may be under way, or try a locked file, at the same time; of writes, one. */
const MOST_READERS = 10;

/** Before trying again, in milliseconds: few try, and each try is cheap. */
const LONGEST_PAUSE_MS = 5;

/** How many statements of one connection are kept prepared. */
const MOST_PREPARED = 200;

/** The part of TypeORM's better-sqlite3 driver that is used here. */
interface SqliteDriver {
  databaseConnection: SqliteConnection;
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  createQueryRunner(mode: 'master'): QueryRunner;
}

/** The connection is inside another request's transaction, which could roll our write back. */
class ConnectionBusyError extends Error {
  readonly code = 'SQLITE_BUSY';
}

/**
 * SQLite. TypeORM shares one connection among all requests, so that a rollback of one takes the
 * writes of the others with it; therefore a connection of our own. A database in memory has one
 * connection only: there a write waits until it is in no transaction.
 */
export class SqliteDatabase implements Database {
  readonly locksRows = false;
  readonly comparesLoosely = false;
  readonly takesArrays = false;
  readonly insertsWithinLimit = true;
  readonly currentReadLock = '';
  readonly #dataSource: DataSource;
  readonly #statements = new WeakMap<SqliteConnection, Map<string, PreparedStatement>>();
  readonly #readers = new Semaphore(MOST_READERS, MAX_WAITING);
  readonly #writers = new Semaphore(1, MAX_WAITING);
  #own: Promise<SqliteDriver> | undefined;
  #closed = false;

  constructor(dataSource: DataSource) {
    this.#dataSource = dataSource;
  }

  read<T>(query: (runner: QueryRunner) => Promise<T>, deadline: Deadline): Promise<T> {
    const work = async (): Promise<T> => query((await this.#driver()).createQueryRunner('master'));
    return this.#inTurn(this.#readers, work, deadline);
  }

  async lookUp(make: () => Statement | null): Promise<Rows> {
    const { databaseConnection } = await this.#driver();
    const statement = make();
    return statement ? this.#execute(databaseConnection, statement).rows : [];
  }

  delete(_key: string, statement: Statement, deadline: Deadline): Promise<number> {
    return this.#write((connection) => this.#execute(connection, statement).affected, deadline);
  }

  /** One synchronous stroke: the database has a single writer, so the owner needs no lock. */
  transaction<T>(_turn: Turn, script: () => Script<T>, deadline: Deadline): Promise<T> {
    return this.#write((connection) => {
      connection.exec('BEGIN IMMEDIATE');
      try {
        const steps = script();
        let step = steps.next();
        while (!step.done) step = steps.next(this.#execute(connection, step.value));
        connection.exec('COMMIT');
        return step.value;
      } catch (error) {
        if (connection.inTransaction) connection.exec('ROLLBACK');
        throw error;
      }
    }, deadline);
  }

  within<T>(
    runner: QueryRunner,
    _owner: OwnerKey | null,
    script: () => Script<T>,
    deadline: Deadline,
  ): Promise<T> {
    return runScript(runner, script(), deadline);
  }

  isTransient = (error: unknown): boolean =>
    /^SQLITE_(?:BUSY|LOCKED)/.test(String(driverCode(error)));

  isMissingOwner(error: unknown): boolean {
    return driverCode(error) === 'SQLITE_CONSTRAINT_FOREIGNKEY';
  }

  async close(): Promise<void> {
    this.#closed = true;
    const own = this.#own;
    this.#own = undefined;
    await (await own)?.disconnect();
  }

  #write<T>(work: (connection: SqliteConnection) => T, deadline: Deadline): Promise<T> {
    return this.#inTurn(this.#writers, () => this.#atRest(work, deadline), deadline);
  }

  /**
   * Only those whose turn it is try a file that is locked: thousands at once would leave the event loop
   * no time for anything else. Nor does one turn of the loop see more of them. Reads and writes have a
   * turnstile each, so which of its lines they wait in is all one.
   */
  async #inTurn<T>(turnstile: Semaphore, work: () => Promise<T>, deadline: Deadline): Promise<T> {
    await turnstile.enter('writes', deadline);
    try {
      return await deadline.race(
        retryTransient(work, deadline, this.isTransient, LONGEST_PAUSE_MS),
      );
    } finally {
      setImmediate(() => turnstile.leave());
    }
  }

  /** Works on the connection in the very turn that saw it in no transaction. */
  async #atRest<T>(work: (connection: SqliteConnection) => T, deadline: Deadline): Promise<T> {
    const { databaseConnection } = await this.#driver();
    // Whoever was told by then that it failed hears of nothing that is written later.
    deadline.throwIfPassed();
    if (databaseConnection.inTransaction) throw new ConnectionBusyError('In a transaction.');
    return work(databaseConnection);
  }

  async #driver(): Promise<SqliteDriver> {
    const shared = this.#dataSource.driver as unknown as SqliteDriver;
    if (isInMemory(this.#dataSource)) return shared;
    if (this.#closed) throw new Error('The application is closed.');
    this.#own ??= this.#connect(shared).catch((error: unknown) => {
      this.#own = undefined;
      throw error;
    });
    return this.#own;
  }

  /** A second driver of the same data source: its options, key, hooks and logger, its own file handle. */
  async #connect(shared: SqliteDriver): Promise<SqliteDriver> {
    const Driver = shared.constructor as new (dataSource: DataSource) => SqliteDriver;
    const driver = new Driver(this.#dataSource);
    await driver.connect();
    // A busy wait blocks the event loop; whoever finds the file locked tries again later instead.
    driver.databaseConnection.pragma('busy_timeout = 0');
    return driver;
  }

  #prepared(connection: SqliteConnection, sql: string): PreparedStatement {
    let statements = this.#statements.get(connection);
    if (!statements)
      this.#statements.set(connection, (statements = new Map<string, PreparedStatement>()));
    let statement = statements.get(sql);
    if (!statement) {
      if (statements.size === MOST_PREPARED) statements.clear();
      statements.set(sql, (statement = connection.prepare(sql)));
    }
    return statement;
  }

  #execute(connection: SqliteConnection, { sql, parameters }: Statement): StatementResult {
    this.#dataSource.logger.logQuery(sql, [...parameters]);
    const values = parameters.map((value) => (typeof value === 'boolean' ? Number(value) : value));
    const statement = this.#prepared(connection, sql);
    if (statement.reader) return { rows: statement.all(...values) as Rows, affected: 0 };
    return { rows: [], affected: statement.run(...values).changes };
  }
}

function isInMemory(dataSource: DataSource): boolean {
  const { database } = dataSource.options;
  return database === ':memory:' || database === '';
}
