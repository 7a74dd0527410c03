import type { DataSource, QueryRunner } from 'typeorm';
import type { TokenSchema } from '../token.schema.ts';
import type { Dialect } from './pooled.database.ts';

/** What pg's pool holds where nothing is said. */
const DEFAULT_POOL_SIZE = 10;

/** TypeORM gives a connection back broken when it breaks by itself, but lets nobody else do so. */
interface PostgresRunner extends QueryRunner {
  releasePostgresConnection?(error: Error): Promise<void>;
}

export function postgresDialect(dataSource: DataSource, schema: TokenSchema): Dialect {
  const options = dataSource.options as { poolSize?: number; extra?: { max?: number } };
  return {
    comparesLoosely: false,
    // serialization_failure, deadlock_detected
    transientCodes: ['40001', '40P01'],
    // foreign_key_violation
    missingOwnerCodes: ['23503'],
    poolSize: options.extra?.max ?? options.poolSize ?? DEFAULT_POOL_SIZE,
    begin: (ms) => [
      'BEGIN ISOLATION LEVEL READ COMMITTED',
      // 0 would be no timeout at all.
      `SET LOCAL statement_timeout = ${String(Math.max(1, Math.floor(ms)))}`,
    ],
    // An advisory lock rather than the owner's row: whoever updates their own user rows meanwhile
    // neither waits for a login nor holds one up.
    lockOwner: (owner) => ({
      sql: 'SELECT pg_advisory_xact_lock(hashtextextended($1, 0))',
      parameters: [`nestjs-knox:${schema.tablePath}:${String(owner)}`],
    }),
    abandon(runner: PostgresRunner) {
      void runner.releasePostgresConnection?.(new Error('No answer in time.'));
    },
  };
}
