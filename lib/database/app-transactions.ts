import type { DataSource, EntityManager, EntitySubscriberInterface, QueryRunner } from 'typeorm';

/** TypeORM counts the savepoints it is in, but does not publish the count. */
type CountingRunner = QueryRunner & { readonly transactionDepth: number };

/** The application's transaction cannot see what it would have to count. */
export class IsolationError extends TypeError {
  override readonly name = 'IsolationError';
}

interface Waiting {
  /** Of the savepoint whose rollback would undo it. */
  depth: number;
  readonly action: () => void;
}

/** The application's own transactions, in which it may have a token made. */
export class AppTransactions {
  readonly #dataSource: DataSource;
  readonly #waiting = new WeakMap<QueryRunner, Waiting[]>();
  readonly #subscriber: EntitySubscriberInterface = {
    afterTransactionCommit: ({ queryRunner }) => {
      const waiting = this.#waiting.get(queryRunner) ?? [];
      if (queryRunner.isTransactionActive) {
        // A savepoint was released: what it held is its parent's now.
        const depth = depthOf(queryRunner);
        for (const entry of waiting) entry.depth = Math.min(entry.depth, depth);
        return;
      }
      this.#waiting.delete(queryRunner);
      for (const { action } of waiting) action();
    },
    afterTransactionRollback: ({ queryRunner }) => {
      const depth = queryRunner.isTransactionActive ? depthOf(queryRunner) : 0;
      const kept = (this.#waiting.get(queryRunner) ?? []).filter((entry) => entry.depth <= depth);
      this.#waiting.set(queryRunner, kept);
    },
  };

  constructor(dataSource: DataSource) {
    this.#dataSource = dataSource;
  }

  /**
   * The transaction that the manager is in; undefined where there is none.
   *
   * @throws TypeError for a manager of another data source
   */
  of(manager: EntityManager | null | undefined): QueryRunner | undefined {
    if (manager === undefined) return undefined;
    if (manager === null || dataSourceOf(manager) !== this.#dataSource) {
      throw new TypeError("manager must be an EntityManager of the token entity's data source.");
    }
    return manager.queryRunner?.isTransactionActive ? manager.queryRunner : undefined;
  }

  /** Runs the action once the transaction has committed, never if it rolls back; at once in none. */
  afterCommit(transaction: QueryRunner | undefined, action: () => void): void {
    if (!transaction) {
      action();
      return;
    }
    const { subscribers } = this.#dataSource;
    if (!subscribers.includes(this.#subscriber)) subscribers.push(this.#subscriber);
    const waiting = this.#waiting.get(transaction) ?? [];
    this.#waiting.set(transaction, [...waiting, { depth: depthOf(transaction), action }]);
  }
}

function depthOf(runner: QueryRunner): number {
  return (runner as CountingRunner).transactionDepth;
}

/** TypeORM 1 renamed the property. */
function dataSourceOf(manager: object): unknown {
  const { dataSource, connection } = manager as {
    dataSource?: DataSource;
    connection?: DataSource;
  };
  return dataSource ?? connection;
}
