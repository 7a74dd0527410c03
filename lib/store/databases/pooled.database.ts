import type { DataSource, QueryRunner } from 'typeorm';
import type { Deadline } from '../deadline.ts';
import type { OwnerKey } from '../owner.schema.ts';
import {
  driverCode,
  runScript,
  runStatement,
  type Database,
  type Script,
  type Statement,
  type StatementResult,
} from './database.ts';

/** Where PostgreSQL and MariaDB part ways. */
export interface Dialect {
  /** Opens a transaction at READ COMMITTED that the server itself ends after so many milliseconds. */
  begin(ms: number): readonly string[];
  /** Takes the owner's lock, held to the end of the transaction. */
  lockOwner(owner: OwnerKey): Statement;
  readonly comparesLoosely: boolean;
  readonly transientCodes: readonly string[];
  readonly missingOwnerCodes: readonly string[];
}

/** A database behind TypeORM's connection pool. */
export class PooledDatabase implements Database {
  readonly locksRows = true;
  readonly comparesLoosely: boolean;
  readonly #dataSource: DataSource;
  readonly #dialect: Dialect;

  constructor(dataSource: DataSource, dialect: Dialect) {
    this.#dataSource = dataSource;
    this.#dialect = dialect;
    this.comparesLoosely = dialect.comparesLoosely;
  }

  async read<T>(query: (runner: QueryRunner) => Promise<T>, deadline: Deadline): Promise<T> {
    const runner = this.#dataSource.createQueryRunner('master');
    try {
      await runner.connect();
      deadline.check();
      return await query(runner);
    } finally {
      await runner.release();
    }
  }

  run(statement: Statement, deadline: Deadline): Promise<StatementResult> {
    return this.read((runner) => runStatement(runner, statement), deadline);
  }

  transaction<T>(owner: OwnerKey | null, script: () => Script<T>, deadline: Deadline): Promise<T> {
    return this.read(async (runner) => {
      try {
        for (const sql of this.#dialect.begin(deadline.remaining)) await runner.query(sql);
        const result = await this.#locked(runner, owner, script);
        // Past the deadline the caller was told 503; a commit now would leave what it never got.
        deadline.check();
        await runner.query('COMMIT');
        return result;
      } catch (error) {
        // The first error is the cause; a connection that cannot roll back is lost with its
        // transaction.
        await runner.query('ROLLBACK').catch(() => undefined);
        throw error;
      }
    }, deadline);
  }

  within<T>(runner: QueryRunner, owner: OwnerKey | null, script: () => Script<T>): Promise<T> {
    return this.#locked(runner, owner, script);
  }

  isTransient(error: unknown): boolean {
    return this.#dialect.transientCodes.includes(String(driverCode(error)));
  }

  isMissingOwner(error: unknown): boolean {
    return this.#dialect.missingOwnerCodes.includes(String(driverCode(error)));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  async #locked<T>(
    runner: QueryRunner,
    owner: OwnerKey | null,
    script: () => Script<T>,
  ): Promise<T> {
    // A statement of its own: in one with the INSERT, the snapshot is older than the lock.
    if (owner !== null) await runStatement(runner, this.#dialect.lockOwner(owner));
    return runScript(runner, script());
  }
}
