import type { TokenSchema } from '../token.schema.ts';
import type { Dialect } from './pooled.database.ts';

/** Nothing shorter is worth a round trip. */
const SHORTEST_MS = 1;

export function postgresDialect(schema: TokenSchema): Dialect {
  return {
    begin: (ms) => [
      'BEGIN ISOLATION LEVEL READ COMMITTED',
      `SET LOCAL statement_timeout = ${String(Math.max(SHORTEST_MS, Math.floor(ms)))}`,
    ],
    // An advisory lock rather than the owner's row: whoever updates their own user rows meanwhile
    // neither waits for a login nor holds one up.
    lockOwner: (owner) => ({
      sql: 'SELECT pg_advisory_xact_lock(hashtextextended($1, 0))',
      parameters: [`nestjs-knox:${schema.tablePath}:${String(owner)}`],
    }),
    comparesLoosely: false,
    // serialization_failure, deadlock_detected
    transientCodes: ['40001', '40P01'],
    // foreign_key_violation
    missingOwnerCodes: ['23503'],
  };
}
