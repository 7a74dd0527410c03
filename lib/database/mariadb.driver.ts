import type { QueryRunner } from 'typeorm';
import { driverErrorOf, type QueryResult, type Row } from './database.ts';
import { mariadbDialect } from './mariadb.dialect.ts';
import { connectTimeoutOf, type PoolDriver, type PoolSettings } from './pool.driver.ts';
import type { ServerDialect } from './sql.dialect.ts';
import { rawConnectionOf } from './typeorm-internals.ts';

interface MysqlOptions {
  readonly extra?: { readonly connectTimeout?: number };
  readonly connectTimeout?: number;
}

interface Stream {
  unref?(): void;
  destroy?(): void;
}

/** The part of a mysql2 pool connection that is used here. */
interface MysqlConnection {
  query(
    text: string,
    parameters: readonly unknown[],
    done: (error: Error | null, result: Row[] | { readonly affectedRows: number }) => void,
  ): void;
  destroy(): void;
  /** Of mysql2; the application may have its own. */
  readonly stream?: Stream;
  /** Of mysql, which TypeORM 0.3 takes where both are installed. */
  readonly _socket?: Stream;
}

/** mysql2, to MariaDB and to MySQL 8. */
export class MariadbDriver implements PoolDriver {
  readonly dialect: ServerDialect;
  readonly #isMariaDb: boolean;

  constructor(server: 'mariadb' | 'mysql') {
    this.dialect = mariadbDialect(server);
    this.#isMariaDb = server === 'mariadb';
  }

  poolOptions({ extra, connectTimeout }: MysqlOptions, settings: PoolSettings): object {
    return {
      connectionLimit: settings.connections,
      connectTimeout: connectTimeoutOf(settings, extra?.connectTimeout ?? connectTimeout),
      charset: 'utf8mb4',
    };
  }

  async prepareSession(runner: QueryRunner, { timeoutMs }: PoolSettings): Promise<void> {
    const seconds = String(Math.ceil(timeoutMs / 1000));
    const settings = {
      autocommit: '1',
      completion_type: `'NO_CHAIN'`,
      foreign_key_checks: '1',
      // The server itself ends the waits and the transactions of a client that is gone.
      innodb_lock_wait_timeout: seconds,
      lock_wait_timeout: seconds,
      sql_big_selects: '1',
      sql_safe_updates: '0',
      sql_select_limit: '18446744073709551615',
      // mysql2 escapes text with backslashes.
      sql_mode: `REPLACE(REPLACE(@@sql_mode, 'NO_BACKSLASH_ESCAPES', ''), 'PAD_CHAR_TO_FULL_LENGTH', '')`,
      ...(this.#isMariaDb && { max_statement_time: seconds, idle_transaction_timeout: seconds }),
    };
    const assignments = Object.entries(settings).map(
      ([name, value]) => `SESSION ${name} = ${value}`,
    );
    await this.query(runner, `SET ${assignments.join(', ')}`, []);
    await this.query(runner, 'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED', []);
  }

  query(runner: QueryRunner, text: string, parameters: readonly unknown[]): Promise<QueryResult> {
    return new Promise((resolve, reject) => {
      connectionOf(runner).query(text, parameters, (error, result) => {
        if (error) reject(error);
        else if (Array.isArray(result)) resolve({ rows: result, affected: 0 });
        else resolve({ rows: [], affected: result.affectedRows });
      });
    });
  }

  unref(runner: QueryRunner): void {
    streamOf(connectionOf(runner))?.unref?.();
  }

  /** An error of the server has a number; mysql2 marks those of the connection as fatal. */
  isLost(error: unknown): boolean {
    const { errno, fatal } = driverErrorOf(error);
    return typeof errno !== 'number' || errno <= 0 || fatal === true;
  }

  async discard(runner: QueryRunner): Promise<void> {
    const connection = connectionOf(runner);
    connection.destroy();
    // mysql2 only ends the stream: without an answer from the server the socket would stay, and keep a process alive.
    streamOf(connection)?.destroy?.();
    await runner.release().catch(() => undefined);
  }
}

function streamOf({ stream, _socket }: MysqlConnection): Stream | undefined {
  return stream ?? _socket;
}

function connectionOf(runner: QueryRunner): MysqlConnection {
  return rawConnectionOf(runner) as MysqlConnection;
}
