import { createHash } from 'node:crypto';
import { connect } from 'node:net';
// The module's timers, not the globals: a test's fake clock must not keep a connection.
import { clearTimeout, setTimeout } from 'node:timers';
import type { DataSource, QueryRunner } from 'typeorm';
import type { OwnerKey } from '../store/schema/owner.schema.ts';
import type { TokenSchema } from '../store/schema/token.schema.ts';
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
  readonly host: string;
  readonly port: number;
  readonly processID: number | null;
  readonly secretKey: number | null;
}

/** How long the cancelling of a query may take, in milliseconds. */
const CANCEL_MS = 1_000;

/** @see https://www.postgresql.org/docs/15/protocol-message-formats.html, CancelRequest */
const CANCEL_REQUEST_CODE = 80_877_102;

/**
 * Asks the server to end what the client waits for, and resolves when it has heard, or will not. A
 * backend that waits for a lock does not notice that its client is gone, and would be one more of the
 * server's connections for as long. The request goes in the clear, as libpq's does: it comes before any
 * talk of TLS, and holds no secret but its key.
 */
function cancel({ host, port, processID, secretKey }: PostgresClient): Promise<void> {
  if (processID === null || secretKey === null) return Promise.resolve();
  return new Promise((resolve) => {
    const request = Buffer.alloc(16);
    for (const [index, word] of [16, CANCEL_REQUEST_CODE, processID, secretKey].entries()) {
      request.writeInt32BE(word, index * 4);
    }
    const address = host.startsWith('/')
      ? { path: `${host}/.s.PGSQL.${String(port)}` }
      : { host, port };
    const socket = connect(address, () => socket.write(request));
    const timer = setTimeout(() => socket.destroy(), CANCEL_MS).unref();
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearTimeout(timer);
      resolve();
    });
    // The server closes when it has passed the request on; whoever doesn't read never sees that.
    socket.resume();
    socket.unref();
  });
}

export function postgresDialect(dataSource: DataSource, schema: TokenSchema): Dialect {
  const options = dataSource.options as { poolSize?: number; extra?: { max?: number } };
  // An advisory lock rather than the owner's row: whoever updates their own user rows meanwhile
  // neither waits for a login nor holds one up. Its key is a number, of all processes the same.
  const lockOf = (owner: OwnerKey): string => {
    const name = `nestjs-knox:${schema.tablePath}:${String(owner)}`;
    const key = createHash('sha256').update(name).digest().readBigInt64BE();
    return `SELECT pg_advisory_xact_lock(${String(key)})`;
  };
  return {
    comparesLoosely: false,
    takesArrays: true,
    currentReadLock: '',
    isolationLevel: `SELECT current_setting('transaction_isolation') AS level`,
    // serialization_failure, deadlock_detected
    transientCodes: ['40001', '40P01'],
    // foreign_key_violation
    missingOwnerCodes: ['23503'],
    poolSize: options.extra?.max ?? options.poolSize ?? DEFAULT_POOL_SIZE,
    insertsWithinLimit: true,
    begin: (ms, owner) => {
      // 0 would be no timeout at all. The second one ends a transaction whose COMMIT got lost.
      const timeout = String(Math.max(1, Math.floor(ms)));
      const sql =
        'BEGIN ISOLATION LEVEL READ COMMITTED; ' +
        `SET LOCAL statement_timeout = ${timeout}; ` +
        `SET LOCAL idle_in_transaction_session_timeout = ${timeout}`;
      // In one message; the server still runs it as a statement of its own.
      return [{ sql: owner === null ? sql : `${sql}; ${lockOf(owner)}`, parameters: [] }];
    },
    // It is cancelled when it is abandoned.
    boundWait: (sql) => sql,
    lockOwner: (owner) => ({ sql: lockOf(owner), parameters: [] }),
    async abandon(runner: PostgresRunner) {
      // In this order: PgBouncer, once a client is gone, no longer knows which query it meant.
      if (runner.databaseConnection) await cancel(runner.databaseConnection);
      await runner.releasePostgresConnection?.(new Error('No answer in time.'));
    },
  };
}
