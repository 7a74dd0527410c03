import type { DataSource, DataSourceOptions, EntityManager, QueryRunner } from 'typeorm';

/*
 * Every property of TypeORM that is used here but not published. They are the same in 0.3 and in 1.x, except where
 * a comment says otherwise.
 */

/** A driver of TypeORM's: what opens and closes the connections of a data source. */
export interface OwnDriver {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  createQueryRunner(mode: 'master'): QueryRunner;
}

interface DriverInternals {
  /** pg's pool, mysql2's pool or cluster of pools, or the file that better-sqlite3 has open. */
  readonly master?: unknown;
  readonly pool?: unknown;
  readonly poolCluster?: unknown;
  readonly databaseConnection?: unknown;
}

interface RunnerInternals {
  /** The client of pg, or the connection of mysql2. */
  readonly databaseConnection?: unknown;
  /** In how many transactions and savepoints it is. */
  readonly transactionDepth?: number;
  /** PostgreSQL only: gives the connection back to its pool, which closes it if there is an error. */
  releasePostgresConnection?(error: Error): Promise<void>;
}

/** What a data source has open: another object each time that it is initialized. */
export function sourceOf({ driver }: { readonly driver: object }): unknown {
  const { master, poolCluster, pool, databaseConnection } = driver as DriverInternals;
  return master ?? poolCluster ?? pool ?? databaseConnection;
}

/** Calls back, once, before the data source closes what it has open. */
export function beforeDisconnect({ driver }: DataSource, close: () => Promise<void>): void {
  const own = driver as unknown as OwnDriver;
  const disconnect = own.disconnect.bind(own);
  own.disconnect = async () => {
    own.disconnect = disconnect;
    await close();
    await disconnect();
  };
}

/** A second driver of the same data source, with connections, and perhaps options, that are not the application's. */
export function createDriver(
  dataSource: DataSource,
  options: DataSourceOptions = dataSource.options,
): OwnDriver {
  const Driver = dataSource.driver.constructor as new (dataSource: DataSource) => OwnDriver;
  return new Driver(Object.create(dataSource, { options: { value: options } }) as DataSource);
}

/** A query runner with an entity manager, as `DataSource.createQueryRunner` makes one. */
export function createRunner(dataSource: DataSource, driver: OwnDriver): QueryRunner {
  const runner = driver.createQueryRunner('master');
  return Object.assign(runner, { manager: dataSource.createEntityManager(runner) });
}

/** The connection that a query runner, or the driver of SQLite, has open. */
export function rawConnectionOf(holder: QueryRunner | OwnDriver): unknown {
  return (holder as unknown as RunnerInternals).databaseConnection;
}

/** Closes the connection of a query runner on PostgreSQL, instead of giving it back to its pool. */
export async function closePostgresConnection(runner: QueryRunner): Promise<void> {
  await (runner as unknown as RunnerInternals).releasePostgresConnection?.(new Error('Discarded.'));
}

/** How many transactions and savepoints a query runner is in. */
export function transactionDepthOf(runner: QueryRunner): number {
  return (runner as unknown as RunnerInternals).transactionDepth ?? 0;
}

/** TypeORM 1 renamed the property. */
export function dataSourceOf(manager: EntityManager): unknown {
  const { dataSource, connection } = manager as {
    dataSource?: DataSource;
    connection?: DataSource;
  };
  return dataSource ?? connection;
}
