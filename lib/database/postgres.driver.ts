import { connect } from 'node:net';
import type { QueryRunner } from 'typeorm';
import { clearTimeout, setTimeout } from '../async/system-timers.ts';
import { driverErrorOf, type QueryResult, type Row } from './database.ts';
import { connectTimeoutOf, type PoolDriver, type PoolSettings } from './pool.driver.ts';
import { POSTGRES } from './postgres.dialect.ts';
import {
  closePostgresConnection,
  rawConnectionOf,
  sourceOf,
  type OwnDriver,
} from './typeorm-internals.ts';

interface PostgresOptions {
  readonly extra?: { readonly connectionTimeoutMillis?: number };
  readonly connectTimeoutMS?: number;
}

/** The part of pg's Client that is used here. */
interface PostgresClient {
  readonly host: string;
  readonly port: number;
  readonly processID: number | null;
  readonly secretKey: number | null;
  readonly constructor: { readonly Query?: PostgresQueryClass };
  query(query: PostgresQuery, done: (error: Error | null, result: PostgresResult) => void): void;
  /** pg's own client has it. */
  unref?(): void;
}

interface PostgresQuery {
  /** Keeps it prepared under this name. */
  readonly name?: string;
  readonly text: string;
  readonly values: readonly unknown[];
}

/** What pg makes of a query itself, which it would copy by its property descriptors first. */
type PostgresQueryClass = new (
  text: string,
  values: readonly unknown[],
) => { -readonly [Key in keyof PostgresQuery]: PostgresQuery[Key] } & { submit?: unknown };

interface PostgresResult {
  readonly rows?: readonly Row[];
  readonly rowCount?: number | null;
}

/** How long the cancelling of a query may take, in milliseconds. */
const CANCEL_MS = 1_000;

/** @see https://www.postgresql.org/docs/15/protocol-message-formats.html, CancelRequest */
const CANCEL_REQUEST_CODE = 80_877_102;

/** A prepared statement that is gone, or whose table was altered. */
const STALE_STATEMENT = /^(?:26000|0A000)$/;

/** An SQLSTATE; not one of the classes "connection exception" and "operator intervention, shutdown". */
const ANSWERED = /^(?!08|57P)[0-9A-Z]{5}$/;

/** pg, and drivers that behave as pg does. */
export class PostgresDriver implements PoolDriver {
  readonly dialect = POSTGRES;
  /** Connections without a pooler between: only their session is ours, and keeps prepared statements. */
  readonly #direct = new WeakSet<PostgresClient>();
  readonly #names = new Map<string, string>();
  #namesMade = 0;

  poolOptions({ extra, connectTimeoutMS }: PostgresOptions, settings: PoolSettings): object {
    const given = extra?.connectionTimeoutMillis ?? connectTimeoutMS;
    return {
      // pg waits for ever by itself, and the place of a connection that never comes is lost.
      connectionTimeoutMillis: connectTimeoutOf(settings, given),
      max: settings.connections,
      min: 0,
    };
  }

  /**
   * pg-pool hands a new client over without an "error" listener. A server that ends the connection in that moment
   * would end the process.
   */
  onConnected(driver: OwnDriver): void {
    const pool = sourceOf({ driver }) as NodeJS.EventEmitter;
    pool.on('connect', (client: NodeJS.EventEmitter) => client.on('error', () => undefined));
  }

  /**
   * Sets the session in one statement. Behind a pooler, the backend's process is not the one that the client was told
   * of; then the WHERE sets nothing, because others use that session too. Settings that an older server lacks are left
   * out. An administrator's default_transaction_read_only stays.
   */
  async prepareSession(runner: QueryRunner, { timeoutMs }: PoolSettings): Promise<void> {
    const client = clientOf(runner);
    const pid = client.processID ?? 0;
    const timeout = String(Math.max(1, Math.floor(timeoutMs)));
    const settings = {
      client_encoding: 'UTF8',
      DateStyle: 'ISO',
      IntervalStyle: 'postgres',
      default_transaction_deferrable: 'off',
      default_transaction_isolation: 'read committed',
      idle_in_transaction_session_timeout: timeout,
      idle_session_timeout: '0',
      lock_timeout: '0',
      statement_timeout: timeout,
      transaction_timeout: '0',
    };
    const text =
      'SELECT set_config(name, value, false) FROM json_each_text($1) AS setting (name, value) ' +
      'WHERE pg_backend_pid() = $2 AND name IN (SELECT s.name FROM pg_settings AS s)';
    const { rows } = await this.query(runner, text, [JSON.stringify(settings), pid], false);
    if (rows.length > 0) this.#direct.add(client);
  }

  async query(
    runner: QueryRunner,
    text: string,
    values: readonly unknown[],
    isFrequent: boolean,
  ): Promise<QueryResult> {
    const client = clientOf(runner);
    if (!isFrequent || !this.#direct.has(client)) return send(client, { text, values });
    try {
      return await send(client, namedQuery(client, this.#nameOf(text), text, values));
    } catch (error) {
      if (!STALE_STATEMENT.test(codeOf(error))) throw error;
      this.#names.clear();
      return send(client, { text, values });
    }
  }

  unref(runner: QueryRunner): void {
    clientOf(runner).unref?.();
  }

  isLost(error: unknown): boolean {
    return !ANSWERED.test(codeOf(error));
  }

  async discard(runner: QueryRunner, isBusy: boolean): Promise<void> {
    // Cancel before closing: PgBouncer cannot match a cancel request once its client has disconnected.
    if (isBusy) await cancel(clientOf(runner));
    await closePostgresConnection(runner);
  }

  /** It shows in the server's log. Only lookups are frequent, so there are few. */
  #nameOf(text: string): string {
    let name = this.#names.get(text);
    if (name === undefined) {
      name = `knox_${text.slice(0, text.indexOf(' '))}_${String(this.#namesMade++)}`;
      this.#names.set(text, name);
    }
    return name;
  }
}

/**
 * Asks the server to end what the client waits for, and resolves when it has heard, or will not. A backend that
 * waits for a lock does not notice that its client is gone, and would keep a connection of the server's. The request
 * goes in the clear, as libpq's does: it comes before any talk of TLS, and its key is its only secret.
 */
function cancel({ host, port, processID, secretKey }: PostgresClient): Promise<void> {
  if (typeof processID !== 'number' || typeof secretKey !== 'number') return Promise.resolve();
  return new Promise((resolve) => {
    const request = Buffer.alloc(16);
    for (const [index, word] of [16, CANCEL_REQUEST_CODE, processID, secretKey].entries()) {
      request.writeInt32BE(word, index * 4);
    }
    const address = host.startsWith('/')
      ? { path: `${host}/.s.PGSQL.${String(port)}` }
      : { host, port };
    const socket = connect(address, () => socket.write(request));
    const timer = setTimeout(() => socket.destroy(), CANCEL_MS);
    socket.on('error', () => undefined);
    socket.on('close', () => {
      clearTimeout(timer);
      resolve();
    });
    // The server closes when it has passed the request on; a socket that is not read never sees that.
    socket.resume();
  });
}

function namedQuery(
  client: PostgresClient,
  name: string,
  text: string,
  values: readonly unknown[],
): PostgresQuery {
  const { Query } = client.constructor;
  const query = Query && new Query(text, values);
  if (typeof query?.submit !== 'function') return { name, text, values };
  query.name = name;
  return query;
}

function send(client: PostgresClient, query: PostgresQuery): Promise<QueryResult> {
  return new Promise((resolve, reject) => {
    client.query(query, (error, result) => {
      if (error) reject(error);
      else resolve({ rows: result.rows ?? [], affected: result.rowCount ?? 0 });
    });
  });
}

function clientOf(runner: QueryRunner): PostgresClient {
  return rawConnectionOf(runner) as PostgresClient;
}

/** The SQLSTATE of an error; '' if it has none. */
function codeOf(error: unknown): string {
  const { code } = driverErrorOf(error);
  return typeof code === 'string' ? code : '';
}
