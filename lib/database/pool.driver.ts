import type { DataSourceOptions, QueryRunner } from 'typeorm';
import type { QueryResult } from './database.ts';
import type { ServerDialect } from './sql.dialect.ts';
import type { OwnDriver } from './typeorm-internals.ts';

/** How many connections of ours there may be, and how long one operation may take, in milliseconds. */
export interface PoolSettings {
  readonly connections: number;
  readonly timeoutMs: number;
}

/** The bounds of the time in which a connection is opened, in milliseconds. */
const CONNECT_MS = { min: 2_000, max: 10_000 } as const;

/**
 * How long the driver may take to connect, in milliseconds. An operation that waits no longer leaves the connection
 * to others, so that a short `timeoutMs` keeps no slow server from being reached.
 *
 * @param given by the application's options, where 0 is no bound at all
 */
export function connectTimeoutOf({ timeoutMs }: PoolSettings, given?: number): number {
  const longest = Math.min(Math.max(timeoutMs, CONNECT_MS.min), CONNECT_MS.max);
  return given ? Math.min(given, longest) : longest;
}

/** Where a server is, and who connects: what TypeORM takes from `replication.master` alone. */
const ADDRESS = ['url', 'host', 'port', 'username', 'password', 'database', 'socketPath'] as const;

/** The options of a data source for its primary server alone. */
function primaryOptions(options: DataSourceOptions): object {
  const { replication, ...rest } = options as { replication?: { master: object } };
  if (!replication) return rest;
  // A `url` beside `replication` would go before the primary's host.
  const noAddress = Object.fromEntries(ADDRESS.map((name) => [name, undefined]));
  return { ...rest, ...noAddress, ...replication.master };
}

/** The options of a data source, changed for connections of our own; never to a replica. */
export function ownOptions(
  options: DataSourceOptions,
  driver: PoolDriver,
  settings: PoolSettings,
): DataSourceOptions {
  const primary = primaryOptions(options) as { readonly extra?: object };
  // TypeORM lets `extra` go before all other options.
  const extra = { ...primary.extra, ...driver.poolOptions(primary, settings) };
  return { ...primary, extra } as DataSourceOptions;
}

/** What differs between pg and mysql2. */
export interface PoolDriver {
  readonly dialect: ServerDialect;
  /** The options of its pool, where the data source has these options. */
  poolOptions(options: object, settings: PoolSettings): object;
  /** Is told once when the driver has connected. */
  onConnected?(driver: OwnDriver): void;
  /**
   * Sets a new connection's session to what our statements need, so that no default of the server, the role or
   * the application decides what they do.
   */
  prepareSession(runner: QueryRunner, settings: PoolSettings): Promise<void>;
  /** @param isFrequent whether it is worth to keep the statement prepared */
  query(
    runner: QueryRunner,
    text: string,
    parameters: readonly unknown[],
    isFrequent: boolean,
  ): Promise<QueryResult>;
  /** Lets the process end while the connection is open: an operation keeps it alive by its own timer. */
  unref(runner: QueryRunner): void;
  /** Whether the connection cannot be used any more after this error. */
  isLost(error: unknown): boolean;
  /**
   * Closes a connection. If it is busy, what the server does for it is ended first, as far as it can be told to. Never
   * rejects, and soon resolves.
   */
  discard(runner: QueryRunner, isBusy: boolean): Promise<void>;
}
