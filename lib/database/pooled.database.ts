import { performance } from 'node:perf_hooks';
import type { DataSource, QueryRunner } from 'typeorm';
import { DeadlineExceededError } from '../async/deadline.ts';
import type { Operation } from '../async/operation.ts';
import { retryTransient } from '../async/retry.ts';
import { MAX_WAITING, Semaphore, type Lane } from '../async/semaphore.ts';
import { IsolationLevelError } from '../errors/isolation-level.error.ts';
import {
  classifyByCode,
  OutcomeUnknownError,
  queryByTypeorm,
  runScript,
  type Connection,
  type Database,
  type ErrorKind,
  type QueryResult,
  type Statements,
  type TransactionScript,
} from './database.ts';
import { OwnConnections, type OwnConnection } from './own-connections.ts';
import type { PoolDriver, PoolSettings } from './pool.driver.ts';
import type { RowLock, ServerDialect } from './sql.dialect.ts';
import { sql, type Sql } from './sql.ts';

const COMMIT = sql`COMMIT`;
const ROLLBACK = sql`ROLLBACK`;

/** PostgreSQL, MariaDB and MySQL, over connections of our own. */
export class PooledDatabase implements Database {
  readonly dialect: ServerDialect;
  readonly #driver: PoolDriver;
  readonly #connections: OwnConnections;
  /** Wait here, not in the driver's pool: its queue is unbounded and ignores deadlines. */
  readonly #permits: Semaphore;

  constructor(dataSource: DataSource, driver: PoolDriver, settings: PoolSettings) {
    const { connections } = settings;
    this.dialect = driver.dialect;
    this.#driver = driver;
    this.#connections = new OwnConnections(dataSource, driver, settings);
    this.#permits = new Semaphore(connections, MAX_WAITING, connections > 1 ? 1 : 0);
  }

  classify(error: unknown): ErrorKind {
    return classifyByCode(error, this.dialect);
  }

  connect<T>(lane: Lane, op: Operation, work: (connection: Connection) => Promise<T>): Promise<T> {
    return this.#retry(op, () => this.#withConnection(lane, op, work));
  }

  execute(statement: Sql, op: Operation): Promise<QueryResult> {
    return this.connect('write', op, (connection) => connection.query(statement));
  }

  transaction<T>(lock: RowLock | null, op: Operation, script: TransactionScript<T>): Promise<T> {
    return this.#retry(op, () => this.#transaction(lock, op, script));
  }

  transactionAlone<T>(
    name: string,
    op: Operation,
    script: TransactionScript<T>,
  ): Promise<T | null> {
    const alone = (): Statements<T | null> => ifTaken(this.dialect.tryLock(name), script);
    const unlock = this.dialect.unlock(name);
    return this.#retry(op, () => this.#transaction(null, op, alone, unlock));
  }

  async runIn<T>(
    transaction: QueryRunner,
    lock: RowLock | null,
    op: Operation,
    script: TransactionScript<T>,
  ): Promise<T> {
    const query = (statement: Sql): Promise<QueryResult> =>
      queryByTypeorm(transaction, statement, this.dialect);
    if (lock) {
      await this.#checkIsolation(query);
      op.deadline.throwIfPassed();
      await query(this.dialect.lock(lock, op.deadline.remaining));
    }
    return runScript(script, op, query);
  }

  connectBeside<T>(
    _transaction: QueryRunner,
    op: Operation,
    work: (connection: Pick<Connection, 'query'>) => Promise<T>,
  ): Promise<T> {
    // As a lookup: reads and writes may all be waiting for what the transaction has locked.
    return this.connect('lookup', op, work);
  }

  async seesCommits(transaction: QueryRunner): Promise<boolean> {
    const level = await this.#isolationLevel((statement) =>
      queryByTypeorm(transaction, statement, this.dialect),
    );
    return level !== 'repeatable read' && level !== 'serializable';
  }

  close(): Promise<void> {
    return this.#connections.close();
  }

  #retry<T>(op: Operation, work: () => Promise<T>): Promise<T> {
    return retryTransient(work, op.deadline, (error) => this.classify(error) === 'transient');
  }

  async #withConnection<T>(
    lane: Lane,
    op: Operation,
    work: (connection: OwnConnection) => Promise<T>,
  ): Promise<T> {
    const release = await this.#permits.acquire(lane, op);
    try {
      const connection = this.#connections.takeIdle() ?? (await this.#connections.next(op));
      return await this.#work(connection, op, work);
    } finally {
      release();
    }
  }

  async #work<T>(
    connection: OwnConnection,
    op: Operation,
    work: (connection: OwnConnection) => Promise<T>,
  ): Promise<T> {
    let busySince: number | undefined;
    try {
      op.deadline.throwIfPassed();
      busySince = performance.now();
      return await op.race(work(connection));
    } catch (error) {
      if (error instanceof DeadlineExceededError) {
        if (busySince !== undefined) {
          this.#connections.discardSilent(busySince);
          // A server that is frozen, or gone without a word, would hold the connection for ever.
          await this.#driver.discard(connection.runner, true);
        }
      } else if (this.#driver.isLost(error)) connection.isLost = true;
      throw error;
    } finally {
      this.#connections.giveBack(connection);
    }
  }

  /** At REPEATABLE READ, PostgreSQL shows no token that was committed since the snapshot. */
  async #checkIsolation(query: (statement: Sql) => Promise<QueryResult>): Promise<void> {
    if ((await this.#isolationLevel(query)) !== 'repeatable read') return;
    throw new IsolationLevelError(
      'A limit cannot be kept in a REPEATABLE READ transaction: begin it at READ COMMITTED or at ' +
        'SERIALIZABLE.',
    );
  }

  /** Null where it does not matter. */
  async #isolationLevel(query: (statement: Sql) => Promise<QueryResult>): Promise<unknown> {
    const { isolationLevel } = this.dialect;
    return isolationLevel && (await query(isolationLevel)).rows[0]?.level;
  }

  async #transaction<T>(
    lock: RowLock | null,
    op: Operation,
    script: TransactionScript<T>,
    atEnd: Sql | null = null,
  ): Promise<T> {
    const state = { isCommitting: false };
    const work = async (connection: OwnConnection): Promise<T> => {
      const query = (statement: Sql): Promise<QueryResult> => connection.query(statement);
      try {
        for (const statement of this.dialect.begin(op.deadline.remaining, lock)) {
          await query(statement);
        }
        const result = await runScript(script, op, query);
        // Do not commit after the deadline: the caller has been told that it failed.
        op.deadline.throwIfPassed();
        state.isCommitting = true;
        await query(COMMIT);
        return result;
      } catch (error) {
        if (!state.isCommitting) await this.#clean(connection, ROLLBACK);
        throw error;
      } finally {
        if (atEnd) await this.#clean(connection, atEnd);
      }
    };
    try {
      return await this.#withConnection('write', op, work);
    } catch (error) {
      const isKnown = !state.isCommitting || this.classify(error) !== 'fault';
      throw isKnown ? error : new OutcomeUnknownError(error);
    }
  }

  /** Leaves nothing behind on a connection; if that fails, the connection is closed. Its error is not the one to throw. */
  async #clean(connection: OwnConnection, statement: Sql): Promise<void> {
    try {
      await connection.query(statement);
    } catch {
      connection.isLost = true;
    }
  }
}

/** The script, behind a lock that it does not wait for. */
function* ifTaken<T>(tryLock: Sql, script: TransactionScript<T>): Statements<T | null> {
  const { rows } = yield tryLock;
  return Number(rows[0]?.taken) === 1 ? yield* script() : null;
}
