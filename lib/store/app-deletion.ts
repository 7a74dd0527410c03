import type { QueryRunner } from 'typeorm';
import { Operation } from '../async/operation.ts';
import { queryByTypeorm, type Database, type QueryResult } from '../database/database.ts';
import type { Sql } from '../database/sql.ts';
import { IsolationLevelError } from '../errors/isolation-level.error.ts';
import type { OwnerKey } from './schema/owner.schema.ts';
import { digestsOf, RowKeptError } from './token.scripts.ts';
import type { TokenSql } from './token.sql.ts';

/**
 * Deletes tokens in a transaction of the application's.
 *
 * It does not take the owner's lock. A login holds that lock while it inserts, and the INSERT may wait for the owner's row,
 * which the application may have locked before: if we waited for the lock then, neither would go on. So nothing here waits for
 * a login, and a login waits for nothing here: the locks are those on the rows that are deleted. They are taken in the order of
 * the digests, so that two such transactions do not wait for each other.
 *
 * Each row is deleted by its own statement. A DELETE of several, or of an owner's, would lock on MariaDB at REPEATABLE READ
 * all that it passes and the gaps between, where other users' logins insert.
 */
export class AppDeletion {
  readonly #database: Database;
  readonly #sql: TokenSql;
  readonly #transaction: QueryRunner;

  constructor(database: Database, sql: TokenSql, transaction: QueryRunner) {
    this.#database = database;
    this.#sql = sql;
    this.#transaction = transaction;
  }

  /**
   * How many of the tokens there were to delete.
   *
   * @throws RowKeptError
   * @throws IsolationLevelError if one is there, but the transaction cannot see it
   */
  async each(digests: readonly string[], op: Operation): Promise<number> {
    const missed: string[] = [];
    for (const digest of digests) {
      // Send nothing after the deadline: the caller has been told, and may have ended the transaction.
      op.deadline.throwIfPassed();
      const { affected } = await this.#query(this.#sql.delete(digest));
      if (affected === 0) missed.push(digest);
    }
    if (missed.length > 0) await this.#checkMissed(missed, op);
    return digests.length - missed.length;
  }

  /**
   * Deletes all tokens of the owner but one, a batch at a time; how many there were.
   *
   * @param batchMs how long each batch may take, in milliseconds
   * @param onDeleted is told the digests of each batch, when the transaction has deleted it
   */
  async ofOwner(
    owner: OwnerKey,
    except: string | null,
    batchMs: number,
    onDeleted: (digests: readonly string[]) => void,
  ): Promise<number> {
    let deleted = 0;
    // An old snapshot, such as MariaDB's at REPEATABLE READ, does not show what others have committed since, but a DELETE
    // there finds it. Only the transaction itself shows what it has inserted.
    for (const query of [this.#queryBeside, this.#query]) {
      let after: string | undefined = '';
      while (after !== undefined) {
        const op = Operation.within(batchMs);
        const page = this.#sql.digestsOfOwnerAfter(owner, after);
        const found: string[] = digestsOf(await op.race(query(page, op)));
        const ended = found.filter((digest) => digest !== except);
        deleted += await op.race(this.each(ended, op));
        onDeleted(ended);
        after = found.length === this.#sql.batchSize ? found.at(-1) : undefined;
      }
    }
    return deleted;
  }

  /** Others may have deleted these, or this transaction before; else it is an error that they are still there. */
  async #checkMissed(missed: readonly string[], op: Operation): Promise<void> {
    const committed = digestsOf(await this.#queryBeside(this.#sql.selectDigests(missed), op));
    if (committed.length === 0) return;
    const visible = digestsOf(await this.#query(this.#sql.selectDigests(committed)));
    if (visible.length > 0) throw new RowKeptError();
    if (await this.#database.seesCommits(this.#transaction)) return;
    throw new IsolationLevelError(
      'The transaction of `manager` does not see all tokens that it should delete, because it reads a snapshot that is ' +
        'older: begin it at READ COMMITTED.',
    );
  }

  readonly #queryBeside = (statement: Sql, op: Operation): Promise<QueryResult> =>
    this.#database.connectBeside(this.#transaction, op, (other) => other.query(statement));

  readonly #query = (statement: Sql): Promise<QueryResult> =>
    queryByTypeorm(this.#transaction, statement, this.#database.dialect);
}
