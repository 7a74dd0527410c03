import { DataSource, type DataSourceOptions } from 'typeorm';

export type Isolation = 'READ COMMITTED' | 'REPEATABLE READ';

/** The part of mysql2's pool that is used here. */
interface MysqlPool {
  on(event: 'connection', listener: (connection: { query: Query }) => void): void;
  query: Query;
}

type Query = (sql: string, done: (error: Error | null) => void) => void;

/**
 * Connects with this isolation level for transactions that name none, as if it were the server's
 * default. The server's settings stay as they are.
 */
export async function connectWithIsolation(
  options: DataSourceOptions,
  isolation: Isolation | undefined,
): Promise<DataSource> {
  if (isolation === undefined) return new DataSource(options).initialize();
  if (options.type === 'postgres') {
    const level = isolation.toLowerCase().replace(' ', '\\ ');
    const extra = { ...options.extra, options: `-c default_transaction_isolation=${level}` };
    return new DataSource({ ...options, extra }).initialize();
  }
  const dataSource = await new DataSource(options).initialize();
  const { pool } = dataSource.driver as unknown as { pool: MysqlPool };
  const sql = `SET SESSION TRANSACTION ISOLATION LEVEL ${isolation}`;
  pool.on('connection', (connection) => connection.query(sql, () => undefined));
  // The pool has exactly one connection, which is idle, so this statement runs on it.
  await new Promise<void>((resolve, reject) => {
    pool.query(sql, (error) => (error ? reject(error) : resolve()));
  });
  return dataSource;
}
