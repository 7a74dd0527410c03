import { join } from 'node:path';
import type { DataSourceOptions } from 'typeorm';
import { freePort } from '../support/ports.ts';
import {
  acceptsConnections,
  makeFolder,
  PrivateServer,
  removeFolder,
  run,
} from './private-server.ts';

const USER = 'postgres';

/** Settings of a server, as in postgresql.conf. */
type Settings = Readonly<Record<string, string>>;

/** The programs that a server needs. */
export const POSTGRES_PROGRAMS = ['initdb', 'pg_basebackup', 'postgres'];

/** A PostgreSQL server for one test suite. */
export class PostgresServer {
  readonly options: DataSourceOptions;
  readonly #folder: string;
  readonly #port: number;
  readonly #settings: Settings;
  readonly #server: PrivateServer;

  private constructor(folder: string, port: number, settings: Settings) {
    this.#folder = folder;
    this.#port = port;
    this.#settings = settings;
    this.#server = new PrivateServer(USER, 'postgres', join(folder, 'log'));
    this.options = {
      type: 'postgres',
      host: '127.0.0.1',
      port,
      username: USER,
      database: USER,
      connectTimeoutMS: 2_000,
    };
  }

  static async primary(): Promise<PostgresServer> {
    const server = await PostgresServer.#make({});
    const trust = ['--auth=trust', `--username=${USER}`, '--no-sync', '--encoding=UTF8'];
    await run(USER, 'initdb', [...trust, `--pgdata=${server.#data}`]);
    await server.resume();
    return server;
  }

  /**
   * A streaming replica with the present state of the primary.
   *
   * @param port where the primary is reached
   */
  static async standby(
    primary: PostgresServer,
    settings: Settings = {},
    port = primary.#port,
  ): Promise<PostgresServer> {
    const server = await PostgresServer.#make(settings);
    const source = ['--host=127.0.0.1', `--port=${String(port)}`, `--username=${USER}`];
    const how = ['--wal-method=stream', '--checkpoint=fast', '--no-sync', '--write-recovery-conf'];
    await run(USER, 'pg_basebackup', [...source, ...how, `--pgdata=${server.#data}`]);
    await server.resume();
    return server;
  }

  /** All statements of all clients so far. */
  get statements(): string {
    return this.#server.output;
  }

  kill(): Promise<void> {
    return this.#server.end('SIGQUIT');
  }

  /** Starts the server on the same port. */
  resume(): Promise<void> {
    const settings = {
      port: String(this.#port),
      listen_addresses: '127.0.0.1',
      unix_socket_directories: '',
      fsync: 'off',
      shared_buffers: '16MB',
      log_statement: 'all',
      ...this.#settings,
    };
    const args = Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
    return this.#server.start(['-D', this.#data, ...args], () => acceptsConnections(this.options));
  }

  async stop(): Promise<void> {
    await this.#server.end('SIGQUIT');
    removeFolder(this.#folder);
  }

  static async #make(settings: Settings): Promise<PostgresServer> {
    const port = await freePort();
    return new PostgresServer(makeFolder(USER), port, settings);
  }

  get #data(): string {
    return join(this.#folder, 'data');
  }
}
