import { setTimeout } from 'node:timers';
import type { DataSource, QueryRunner } from 'typeorm';
import type { TokenSchema } from '../token.schema.ts';
import type { Dialect } from './pooled.database.ts';

/** What pg's pool holds where nothing is said. */
const DEFAULT_POOL_SIZE = 10;

/** TypeORM gives a connection back broken when it breaks by itself, but lets nobody else do so. */
interface PostgresRunner extends QueryRunner {
  readonly databaseConnection?: PostgresClient;
  releasePostgresConnection?(error: Error): Promise<void>;
}

/** The part of pg's Client that is used here. */
interface PostgresClient {
  readonly connectionParameters: object;
  readonly activeQuery: unknown;
  readonly connection: {
    readonly stream: { destroy(): void };
    on(event: 'error', listener: () => void): void;
  };
  cancel(client: PostgresClient, query: unknown): void;
}

/** How long the cancelling of a query may take, in milliseconds. */
const CANCEL_MS = 1_000;

/**
 * Asks the server to end what the client waits for. A backend that waits for a lock does not notice
 * that its client is gone, and would be one more of the server's connections for as long.
 */
function cancel(client: PostgresClient): void {
  const Client = client.constructor as new (parameters: object) => PostgresClient;
  const messenger = new Client(client.connectionParameters);
  messenger.connection.on('error', () => undefined);
  messenger.cancel(client, client.activeQuery);
  setTimeout(() => {
    messenger.connection.stream.destroy();
  }, CANCEL_MS).unref();
}

export function postgresDialect(dataSource: DataSource, schema: TokenSchema): Dialect {
  const options = dataSource.options as { poolSize?: number; extra?: { max?: number } };
  return {
    comparesLoosely: false,
    isolationLevel: `SELECT current_setting('transaction_isolation') AS level`,
    // serialization_failure, deadlock_detected
    transientCodes: ['40001', '40P01'],
    // foreign_key_violation
    missingOwnerCodes: ['23503'],
    poolSize: options.extra?.max ?? options.poolSize ?? DEFAULT_POOL_SIZE,
    begin: (ms) => {
      // 0 would be no timeout at all. The second one ends a transaction whose COMMIT got lost.
      const timeout = String(Math.max(1, Math.floor(ms)));
      return [
        'BEGIN ISOLATION LEVEL READ COMMITTED; ' +
          `SET LOCAL statement_timeout = ${timeout}; ` +
          `SET LOCAL idle_in_transaction_session_timeout = ${timeout}`,
      ];
    },
    // An advisory lock rather than the owner's row: whoever updates their own user rows meanwhile
    // neither waits for a login nor holds one up.
    lockOwner: (owner) => ({
      sql: 'SELECT pg_advisory_xact_lock(hashtextextended($1, 0))',
      parameters: [`nestjs-knox:${schema.tablePath}:${String(owner)}`],
    }),
    abandon(runner: PostgresRunner) {
      if (runner.databaseConnection) cancel(runner.databaseConnection);
      void runner.releasePostgresConnection?.(new Error('No answer in time.'));
    },
  };
}
