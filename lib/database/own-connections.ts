import { performance } from 'node:perf_hooks';
import type { DataSource, EntitySubscriberInterface, QueryRunner } from 'typeorm';
import { Operation } from '../async/operation.ts';
import { closedError, queryByTypeorm, type Connection, type QueryResult } from './database.ts';
import { connectTimeoutOf, ownOptions, type PoolDriver, type PoolSettings } from './pool.driver.ts';
import { render, type Sql } from './sql.ts';
import {
  createDriver,
  createRunner,
  rawConnectionOf,
  type OwnDriver,
} from './typeorm-internals.ts';

/** A firewall may have forgotten a connection that was idle for longer, in milliseconds. */
const MAX_IDLE_MS = 60_000;

/** An older connection may use a plan that was made for a small table, or be to a server that is no primary any more. */
const MAX_AGE_MS = 300_000;

/** A connection that the package has opened. */
export class OwnConnection implements Connection {
  readonly runner: QueryRunner;
  isLost = false;
  readonly openedAt = performance.now();
  idleSince = 0;
  readonly #dataSource: DataSource;
  readonly #driver: PoolDriver;

  constructor(runner: QueryRunner, dataSource: DataSource, driver: PoolDriver) {
    this.runner = runner;
    this.#dataSource = dataSource;
    this.#driver = driver;
    const raw = rawConnectionOf(runner) as NodeJS.EventEmitter;
    for (const event of ['error', 'end']) raw.on(event, () => (this.isLost = true));
  }

  async query(statement: Sql, isFrequent = false): Promise<QueryResult> {
    const { dialect } = this.#driver;
    if (this.#isWatched()) return queryByTypeorm(this.runner, statement, dialect);
    const { logger } = this.#dataSource;
    const { text, parameters } = render(statement, dialect);
    logger.logQuery(text, parameters as unknown[], this.runner);
    try {
      return await this.#driver.query(this.runner, text, parameters, isFrequent);
    } catch (error) {
      logger.logQueryError(error as Error, text, parameters as unknown[], this.runner);
      throw error;
    }
  }

  /** Whether the application hears of each query, by a subscriber or in a log of slow ones. */
  #isWatched(): boolean {
    const { subscribers, options } = this.#dataSource;
    return Boolean(options.maxQueryExecutionTime) || subscribers.some(hearsOfQueries);
  }
}

function hearsOfQueries(subscriber: EntitySubscriberInterface): boolean {
  return 'beforeQuery' in subscriber || 'afterQuery' in subscriber;
}

/** Somebody with a permit and no connection yet. */
interface Waiting {
  resolve(connection: OwnConnection): void;
  reject(error: unknown): void;
}

/**
 * The connections of the package, opened on first use and kept. The application's are not used: it may give them back
 * to its pool inside a transaction, or in any other state, or use up all of them.
 */
export class OwnConnections {
  readonly #dataSource: DataSource;
  readonly #driver: PoolDriver;
  readonly #settings: PoolSettings;
  /** The one that was used last is the last one. */
  readonly #idle: OwnConnection[] = [];
  #waiting: Waiting[] = [];
  /** How many connections are idle, in use or being opened. */
  #size = 0;
  #opening = 0;
  #source: Promise<OwnDriver> | undefined;
  #closing: Promise<void> | undefined;
  #onEmpty = (): void => undefined;

  constructor(dataSource: DataSource, driver: PoolDriver, settings: PoolSettings) {
    this.#dataSource = dataSource;
    this.#driver = driver;
    this.#settings = settings;
  }

  /** The connection that was used last, so that those that are not needed grow old; undefined: none is idle. */
  takeIdle(): OwnConnection | undefined {
    for (;;) {
      const connection = this.#idle.pop();
      if (!connection) return undefined;
      const now = performance.now();
      const isFresh =
        now - connection.idleSince < MAX_IDLE_MS && now - connection.openedAt < MAX_AGE_MS;
      if (isFresh && isUsable(connection)) return connection;
      this.#discard(connection);
    }
  }

  /**
   * The first connection that is opened or given back: a slow connect must not block a caller while another connection
   * is free. The caller holds a permit, so at most `connections` wait.
   *
   * @throws DeadlineExceededError, and the error of a connection that could not be opened
   */
  async next(op: Operation): Promise<OwnConnection> {
    if (this.#closing) throw closedError();
    let waiting: Waiting | undefined;
    const connection = new Promise<OwnConnection>((resolve, reject) => {
      waiting = { resolve, reject };
      this.#waiting.push(waiting);
    });
    if (this.#size < this.#settings.connections) void this.#add();
    try {
      return await op.race(connection);
    } catch (error) {
      this.#waiting = this.#waiting.filter((other) => other !== waiting);
      // It may be given in the moment in which time runs out.
      void connection.then((given) => this.giveBack(given)).catch(() => undefined);
      throw error;
    }
  }

  /** Takes a connection back; it is closed if the work left a transaction open on it. */
  giveBack(connection: OwnConnection): void {
    if (!isUsable(connection) || connection.runner.isTransactionActive || this.#closing) {
      this.#discard(connection);
      return;
    }
    const next = this.#waiting.shift();
    if (next) {
      next.resolve(connection);
      return;
    }
    connection.idleSince = performance.now();
    this.#idle.push(connection);
  }

  /**
   * Closes the idle connections that have not answered since this moment, on the clock of `performance.now()`. Work that
   * began then got no answer: if its host is gone without a word, each of them would cost a whole deadline too.
   */
  discardSilent(since: number): void {
    const isSilent = ({ idleSince }: OwnConnection): boolean => idleSince < since;
    while (this.#idle[0] && isSilent(this.#idle[0]))
      this.#discard(this.#idle.shift() as OwnConnection);
  }

  /** Waits for the connections that are in use or being opened, which is bounded in time. */
  close(): Promise<void> {
    return (this.#closing ??= this.#close());
  }

  async #close(): Promise<void> {
    const isEmpty = new Promise<void>((resolve) => (this.#onEmpty = resolve));
    for (const waiting of this.#waiting.splice(0)) waiting.reject(closedError());
    for (const connection of this.#idle.splice(0)) this.#discard(connection);
    if (this.#size > 0) await isEmpty;
    const source = await this.#source?.catch(() => undefined);
    await source?.disconnect();
  }

  /** Opens a connection for one of those that wait. */
  async #add(): Promise<void> {
    this.#size++;
    this.#opening++;
    try {
      const connection = await this.#open();
      this.#opening--;
      this.giveBack(connection);
    } catch (error) {
      this.#opening--;
      this.#leave();
      // The others wait for connections that are being opened still.
      if (this.#waiting.length > this.#opening) this.#waiting.shift()?.reject(error);
    }
  }

  /** Each step has a bound: a connection whose answers are lost would hold its place for ever. */
  async #open(): Promise<OwnConnection> {
    const op = Operation.within(2 * connectTimeoutOf(this.#settings));
    const runner = createRunner(this.#dataSource, await this.#connectedSource(op));
    const connecting = runner.connect();
    try {
      await op.race(connecting);
      await op.race(this.#driver.prepareSession(runner, this.#settings));
    } catch (error) {
      // It may be connected later.
      void connecting.then(() => this.#driver.discard(runner, false)).catch(() => undefined);
      throw error;
    }
    this.#driver.unref(runner);
    return new OwnConnection(runner, this.#dataSource, this.#driver);
  }

  #connectedSource(op: Operation): Promise<OwnDriver> {
    this.#source ??= this.#connect(op).catch((error: unknown) => {
      this.#source = undefined;
      throw error;
    });
    return this.#source;
  }

  async #connect(op: Operation): Promise<OwnDriver> {
    const options = ownOptions(this.#dataSource.options, this.#driver, this.#settings);
    const driver = createDriver(this.#dataSource, options);
    const connecting = driver.connect();
    try {
      await op.race(connecting);
    } catch (error) {
      // TypeORM asks a new pool's first connection for the server's version, and leaves it open if that fails.
      const disconnect = (): Promise<void> => driver.disconnect().catch(() => undefined);
      void connecting.then(disconnect, disconnect);
      throw error;
    }
    this.#driver.onConnected?.(driver);
    return driver;
  }

  #discard({ runner }: OwnConnection): void {
    void this.#driver.discard(runner, false);
    this.#leave();
  }

  #leave(): void {
    this.#size--;
    if (this.#size === 0) this.#onEmpty();
  }
}

function isUsable({ isLost, runner }: OwnConnection): boolean {
  return !isLost && !runner.isReleased;
}
