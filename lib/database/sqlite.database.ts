import type { DataSource, QueryRunner } from 'typeorm';
import type { Operation } from '../async/operation.ts';
import { retryTransient } from '../async/retry.ts';
import { MAX_WAITING, Semaphore, type Lane } from '../async/semaphore.ts';
import { setImmediate } from '../async/system-timers.ts';
import {
  classifyByCode,
  closedError,
  queryByTypeorm,
  runScript,
  type Connection,
  type Database,
  type ErrorKind,
  type QueryResult,
  type Row,
  type TransactionScript,
} from './database.ts';
import type { RowLock } from './sql.dialect.ts';
import { render, type Sql } from './sql.ts';
import { SQLITE } from './sqlite.dialect.ts';
import {
  createDriver,
  createRunner,
  rawConnectionOf,
  sourceOf,
  type OwnDriver,
} from './typeorm-internals.ts';

/** The part of a better-sqlite3 connection that is used here. */
interface SqliteConnection {
  readonly inTransaction: boolean;
  exec(sql: string): unknown;
  pragma(source: string, options?: { simple: boolean }): unknown;
  prepare(sql: string): PreparedStatement;
}

interface PreparedStatement {
  readonly reader: boolean;
  all(...parameters: unknown[]): unknown[];
  run(...parameters: unknown[]): { readonly changes: number };
}

/** How many reads may be under way, or try a locked file, at the same time; of writes, one. */
const MAX_READERS = 10;

/** Before trying again, in milliseconds: few try, and each try is cheap. */
const MAX_PAUSE_MS = 5;

/** How many statements are kept prepared. */
const MAX_PREPARED = 200;

/** After how many pages of its write-ahead log SQLite makes a checkpoint, if nobody has said otherwise. */
const DEFAULT_CHECKPOINT_PAGES = 1000;

/** The same here: a checkpoint holds up the event loop. */
const CHECKPOINT_PAGES = 100;

/** The connection is inside a transaction of the application's, which could roll our write back. */
class ConnectionBusyError extends Error {
  readonly code = 'SQLITE_BUSY';

  constructor() {
    super("The application's transaction holds the connection of the in-memory database.");
  }
}

/** An open file: TypeORM's runner, and better-sqlite3's connection under it. */
interface OpenFile {
  readonly runner: QueryRunner;
  readonly connection: SqliteConnection;
}

/**
 * SQLite. TypeORM shares one connection among all requests, so that a rollback of one takes the writes of the
 * others with it; therefore the package opens the file once more. A database in memory has one connection only:
 * there a write waits until it is in no transaction.
 */
export class SqliteDatabase implements Database {
  readonly dialect = SQLITE;
  readonly #dataSource: DataSource;
  readonly #prepared = new Map<string, PreparedStatement>();
  readonly #readers = new Semaphore(MAX_READERS, MAX_WAITING);
  readonly #writers = new Semaphore(1, MAX_WAITING);
  #driver: OwnDriver | undefined;
  #file: Promise<OpenFile> | undefined;
  #isClosed = false;

  constructor(dataSource: DataSource) {
    this.#dataSource = dataSource;
  }

  classify(error: unknown): ErrorKind {
    return classifyByCode(error, SQLITE);
  }

  connect<T>(lane: Lane, op: Operation, work: (connection: Connection) => Promise<T>): Promise<T> {
    const attempt = async (): Promise<T> => {
      const { runner, connection } = await this.#open();
      op.deadline.throwIfPassed();
      return work({
        runner,
        // A rejection rather than a throw, as from any other database.
        query: async (statement) => Promise.resolve(this.#execute(connection, statement)),
      });
    };
    // Lookups are few, as each serves many requests: they need not wait.
    return lane === 'lookup' ? this.#retry(op, attempt) : this.#limit(this.#readers, op, attempt);
  }

  execute(statement: Sql, op: Operation): Promise<QueryResult> {
    return this.#write(op, (connection) => this.#execute(connection, statement));
  }

  /** One synchronous stroke: the database has a single writer, so no row is locked. */
  transaction<T>(_lock: RowLock | null, op: Operation, script: TransactionScript<T>): Promise<T> {
    return this.#write(op, (connection) => {
      connection.exec('BEGIN IMMEDIATE');
      try {
        const statements = script();
        let step = statements.next();
        while (!step.done) step = statements.next(this.#execute(connection, step.value));
        connection.exec('COMMIT');
        return step.value;
      } catch (error) {
        if (connection.inTransaction) connection.exec('ROLLBACK');
        throw error;
      }
    });
  }

  /** The file's write lock lets one process write at a time; the transaction is too short to be worth skipping. */
  transactionAlone<T>(_name: string, op: Operation, script: TransactionScript<T>): Promise<T> {
    return this.transaction(null, op, script);
  }

  runIn<T>(
    transaction: QueryRunner,
    _lock: RowLock | null,
    op: Operation,
    script: TransactionScript<T>,
  ): Promise<T> {
    return runScript(script, op, (statement) => queryByTypeorm(transaction, statement, SQLITE));
  }

  connectBeside<T>(
    transaction: QueryRunner,
    _op: Operation,
    work: (connection: Pick<Connection, 'query'>) => Promise<T>,
  ): Promise<T> {
    return work({ query: (statement) => queryByTypeorm(transaction, statement, SQLITE) });
  }

  seesCommits(): Promise<boolean> {
    return Promise.resolve(true);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#file?.catch(() => undefined);
    const driver = this.#driver;
    this.#driver = undefined;
    await driver?.disconnect();
  }

  /** Writes on the connection in the very turn of the event loop that saw it in no transaction. */
  #write<T>(op: Operation, work: (connection: SqliteConnection) => T): Promise<T> {
    return this.#limit(this.#writers, op, async () => {
      const { connection } = await this.#open();
      // Do not write after the deadline: the caller has been told that it failed.
      op.deadline.throwIfPassed();
      if (connection.inTransaction) throw new ConnectionBusyError();
      return work(connection);
    });
  }

  /**
   * Only those with a permit try a file that is locked: thousands at once would leave the event loop no time for
   * anything else. Nor does one turn of the loop see more of them.
   */
  async #limit<T>(semaphore: Semaphore, op: Operation, work: () => Promise<T>): Promise<T> {
    const release = await semaphore.acquire('write', op);
    try {
      return await this.#retry(op, work);
    } finally {
      setImmediate(release);
    }
  }

  #retry<T>(op: Operation, work: () => Promise<T>): Promise<T> {
    const isTransient = (error: unknown): boolean => this.classify(error) === 'transient';
    return op.race(retryTransient(work, op.deadline, isTransient, MAX_PAUSE_MS));
  }

  #open(): Promise<OpenFile> {
    if (this.#isClosed) throw closedError();
    this.#file ??= this.#openFile().catch((error: unknown) => {
      this.#file = undefined;
      throw error;
    });
    return this.#file;
  }

  async #openFile(): Promise<OpenFile> {
    if (isInMemory(this.#dataSource)) {
      const connection = sourceOf(this.#dataSource) as SqliteConnection;
      return { runner: this.#dataSource.createQueryRunner('master'), connection };
    }
    const driver = createDriver(this.#dataSource);
    await driver.connect();
    this.#driver = driver;
    const connection = rawConnectionOf(driver) as SqliteConnection;
    attachFiles(sourceOf(this.#dataSource) as SqliteConnection, connection);
    // A busy wait would block the event loop; a file that is locked is tried again later instead.
    connection.pragma('busy_timeout = 0');
    // With a write-ahead log, some commits copy its pages into the file, up to 25 ms for SQLite's 1,000.
    if (connection.pragma('wal_autocheckpoint', { simple: true }) === DEFAULT_CHECKPOINT_PAGES) {
      connection.pragma(`wal_autocheckpoint = ${String(CHECKPOINT_PAGES)}`);
    }
    return { runner: createRunner(this.#dataSource, driver), connection };
  }

  #execute(connection: SqliteConnection, query: Sql): QueryResult {
    const { text, parameters } = render(query, SQLITE);
    this.#dataSource.logger.logQuery(text, parameters as unknown[]);
    const values = parameters.map((value) => (typeof value === 'boolean' ? Number(value) : value));
    const statement = this.#prepare(connection, text);
    if (statement.reader) return { rows: statement.all(...values) as Row[], affected: 0 };
    return { rows: [], affected: statement.run(...values).changes };
  }

  #prepare(connection: SqliteConnection, text: string): PreparedStatement {
    let statement = this.#prepared.get(text);
    if (!statement) {
      if (this.#prepared.size === MAX_PREPARED) this.#prepared.clear();
      this.#prepared.set(text, (statement = connection.prepare(text)));
    }
    return statement;
  }
}

/** Attaches the files that the application's connection has attached, as for `@Entity({ database })`. */
function attachFiles(from: SqliteConnection, to: SqliteConnection): void {
  const filesOf = (connection: SqliteConnection): { name: string; file: string }[] =>
    connection.prepare('PRAGMA database_list').all() as { name: string; file: string }[];
  const attached = new Set(filesOf(to).map(({ name }) => name));
  for (const { name, file } of filesOf(from)) {
    // A database in memory has no file that could be opened again.
    if (attached.has(name) || file === '') continue;
    to.prepare(`ATTACH ? AS ${SQLITE.identifier(name).texts.join('')}`).run(file);
  }
}

export function isInMemory({ options: { database } }: DataSource): boolean {
  return database === ':memory:' || database === '';
}
