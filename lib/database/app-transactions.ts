import type { DataSource, EntityManager, EntitySubscriberInterface, QueryRunner } from 'typeorm';
import { ArgumentError } from '../errors/argument.error.ts';
import { dataSourceOf, transactionDepthOf } from './typeorm-internals.ts';

interface PendingAction {
  /** The depth of the savepoint whose rollback would undo it. */
  depth: number;
  readonly action: () => void;
}

/** The application's own transactions, in which it may have a token made. */
export class AppTransactions {
  readonly #dataSource: DataSource;
  readonly #pending = new WeakMap<QueryRunner, PendingAction[]>();
  readonly #subscriber: EntitySubscriberInterface = {
    afterTransactionCommit: ({ queryRunner }) => {
      const pending = this.#pending.get(queryRunner) ?? [];
      if (queryRunner.isTransactionActive) {
        // A savepoint was released: its actions belong to its parent now.
        const depth = transactionDepthOf(queryRunner);
        for (const entry of pending) entry.depth = Math.min(entry.depth, depth);
        return;
      }
      this.#pending.delete(queryRunner);
      for (const { action } of pending) action();
    },
    afterTransactionRollback: ({ queryRunner }) => {
      const depth = queryRunner.isTransactionActive ? transactionDepthOf(queryRunner) : 0;
      const kept = (this.#pending.get(queryRunner) ?? []).filter((entry) => entry.depth <= depth);
      this.#pending.set(queryRunner, kept);
    },
  };

  constructor(dataSource: DataSource) {
    this.#dataSource = dataSource;
  }

  /**
   * The transaction that the manager is in; undefined if it is in none.
   *
   * @throws ArgumentError for a manager of another data source
   */
  transactionOf(manager: EntityManager | null | undefined): QueryRunner | undefined {
    if (manager === undefined) return undefined;
    if (manager === null || dataSourceOf(manager) !== this.#dataSource) {
      throw new ArgumentError(
        "manager must be an EntityManager of the token entity's data source.",
      );
    }
    return manager.queryRunner?.isTransactionActive ? manager.queryRunner : undefined;
  }

  /** Runs the action once the transaction has committed, never if it rolls back; at once in none. */
  onCommit(transaction: QueryRunner | undefined, action: () => void): void {
    if (!transaction) {
      action();
      return;
    }
    const { subscribers } = this.#dataSource;
    if (!subscribers.includes(this.#subscriber)) subscribers.push(this.#subscriber);
    const entry = { depth: transactionDepthOf(transaction), action };
    this.#pending.set(transaction, [...(this.#pending.get(transaction) ?? []), entry]);
  }
}
