import type { DataSource, QueryRunner } from 'typeorm';
import { IsolationError } from './app-transactions.ts';
import { DeadlineExceededError, type Deadline } from '../async/deadline.ts';
import type { OwnerKey } from '../store/schema/owner.schema.ts';
import { KeyedMutex, MAX_WAITING, Semaphore, type Lane } from '../async/semaphore.ts';
import {
  driverCode,
  OutcomeUnknownError,
  runScript,
  runStatement,
  type Database,
  type Rows,
  type Script,
  type Statement,
  type StatementResult,
  type Turn,
} from './database.ts';

/** Where PostgreSQL and MariaDB part ways. */
export interface Dialect {
  readonly comparesLoosely: boolean;
  readonly takesArrays: boolean;
  readonly currentReadLock: string;
  /** Asks for a transaction's isolation level, where one of them has no current reads at all. */
  readonly isolationLevel: string | null;
  readonly transientCodes: readonly string[];
  readonly missingOwnerCodes: readonly string[];
  /** How many connections the pool has. */
  readonly poolSize: number;
  readonly insertsWithinLimit: boolean;
  /**
   * Opens a transaction at READ COMMITTED that the server itself ends after so many milliseconds, and
   * takes the owner's lock: never in one statement with the INSERT, whose snapshot would be older.
   */
  begin(ms: number, owner: OwnerKey | null): readonly Statement[];
  /** Takes the owner's lock, held to the end of the transaction; waits so many milliseconds. */
  lockOwner(owner: OwnerKey, ms: number): Statement;
  /**
   * The statement, told to wait for a row so many milliseconds at most, where the server would otherwise
   * not notice that nobody wants it any more.
   */
  boundWait(sql: string, ms: number): string;
  /**
   * Ends what the server does for the runner, as far as it can be told to, and closes the runner's
   * connection, so that the pool opens another one in its place. Never rejects, and soon resolves.
   */
  abandon(runner: QueryRunner): Promise<void>;
}

/** A database behind TypeORM's connection pool. */
export class PooledDatabase implements Database {
  readonly locksRows = true;
  readonly comparesLoosely: boolean;
  readonly takesArrays: boolean;
  readonly insertsWithinLimit: boolean;
  readonly currentReadLock: string;
  readonly #dataSource: DataSource;
  readonly #dialect: Dialect;
  /** The pool's own line has no end and no deadlines, so nobody is sent there to wait. */
  readonly #connections: Semaphore;
  /** Of one owner's transactions only one holds a connection; the others would just wait on it. */
  readonly #owners = new KeyedMutex();
  /** Of one row's deletions too. */
  readonly #rows = new KeyedMutex();

  constructor(dataSource: DataSource, dialect: Dialect) {
    this.#dataSource = dataSource;
    this.#dialect = dialect;
    this.comparesLoosely = dialect.comparesLoosely;
    this.takesArrays = dialect.takesArrays;
    this.insertsWithinLimit = dialect.insertsWithinLimit;
    this.currentReadLock = dialect.currentReadLock;
    this.#connections = new Semaphore(dialect.poolSize, MAX_WAITING);
  }

  read<T>(query: (runner: QueryRunner) => Promise<T>, deadline: Deadline): Promise<T> {
    return this.#connected('reads', query, deadline);
  }

  lookUp(make: () => Statement | null, deadline: Deadline): Promise<Rows> {
    const query = async (runner: QueryRunner): Promise<Rows> => {
      const statement = make();
      return statement ? (await runStatement(runner, statement)).rows : [];
    };
    return this.#connected('lookups', query, deadline);
  }

  delete(key: string, { sql, parameters }: Statement, deadline: Deadline): Promise<number> {
    const work = (): Promise<StatementResult> =>
      this.#connected(
        'writes',
        (runner) => {
          const bound = this.#dialect.boundWait(sql, deadline.remaining);
          return runStatement(runner, { sql: bound, parameters });
        },
        deadline,
      );
    return this.#rows.runExclusive(key, deadline, async () => (await work()).affected);
  }

  transaction<T>({ owner, locks }: Turn, script: () => Script<T>, deadline: Deadline): Promise<T> {
    const lock = locks ? owner : null;
    const work = (): Promise<T> => this.#transaction(lock, script, deadline);
    return owner === null ? work() : this.#owners.runExclusive(String(owner), deadline, work);
  }

  async within<T>(
    runner: QueryRunner,
    owner: OwnerKey | null,
    script: () => Script<T>,
    deadline: Deadline,
  ): Promise<T> {
    if (owner !== null) {
      await this.#checkIsolation(runner);
      deadline.throwIfPassed();
      await runStatement(runner, this.#dialect.lockOwner(owner, deadline.remaining));
    }
    return runScript(runner, script(), deadline);
  }

  isTransient = (error: unknown): boolean =>
    this.#dialect.transientCodes.includes(String(driverCode(error)));

  isMissingOwner(error: unknown): boolean {
    return this.#dialect.missingOwnerCodes.includes(String(driverCode(error)));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #connected<T>(
    line: Lane,
    query: (runner: QueryRunner) => Promise<T>,
    deadline: Deadline,
  ): Promise<T> {
    await this.#connections.enter(line, deadline);
    const runner = this.#dataSource.createQueryRunner('master');
    const connecting = runner.connect();
    try {
      await deadline.race(connecting);
    } catch (error) {
      // The pool cannot be told that nobody waits any more. What it gives late goes back at once.
      const settle = (): Promise<void> => this.#release(runner);
      void connecting.then(settle, settle);
      throw error;
    }
    try {
      deadline.throwIfPassed();
      return await deadline.race(query(runner));
    } catch (error) {
      // A server that is frozen, or gone without a word, would hold the connection for ever.
      if (error instanceof DeadlineExceededError) await this.#dialect.abandon(runner);
      throw error;
    } finally {
      await this.#release(runner);
    }
  }

  /** At REPEATABLE READ, PostgreSQL shows no token that was committed since the snapshot. */
  async #checkIsolation(runner: QueryRunner): Promise<void> {
    const { isolationLevel } = this.#dialect;
    if (isolationLevel === null) return;
    const { rows } = await runStatement(runner, { sql: isolationLevel, parameters: [] });
    if (rows[0]?.level !== 'repeatable read') return;
    throw new IsolationError(
      'A limit cannot be kept in a REPEATABLE READ transaction: begin it at READ COMMITTED or at ' +
        'SERIALIZABLE.',
    );
  }

  async #transaction<T>(
    owner: OwnerKey | null,
    script: () => Script<T>,
    deadline: Deadline,
  ): Promise<T> {
    const state = { committing: false };
    const work = async (runner: QueryRunner): Promise<T> => {
      try {
        for (const statement of this.#dialect.begin(deadline.remaining, owner)) {
          await runStatement(runner, statement);
        }
        const result = await runScript(runner, script(), deadline);
        // Past the deadline the caller was told 503; a commit now would leave what it never got.
        deadline.throwIfPassed();
        state.committing = true;
        await runner.query('COMMIT');
        return result;
      } catch (error) {
        // The first error is the cause; a connection that cannot roll back is lost with its
        // transaction.
        if (!state.committing) await runner.query('ROLLBACK').catch(() => undefined);
        throw error;
      }
    };
    try {
      return await this.#connected('writes', work, deadline);
    } catch (error) {
      const known = !state.committing || this.isTransient(error) || this.isMissingOwner(error);
      throw known ? error : new OutcomeUnknownError(error);
    }
  }

  async #release(runner: QueryRunner): Promise<void> {
    await runner.release().catch(() => undefined);
    this.#connections.leave();
  }
}
