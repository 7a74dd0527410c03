import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { freePort } from '../support/ports.ts';
import {
  acceptsConnections,
  makeFolder,
  PrivateServer,
  removeFolder,
  run,
} from './private-server.ts';

const USER = 'mysql';

/** The programs that a server needs. */
export const MARIADB_PROGRAMS = ['mariadb-install-db', 'mariadbd'];

/** A MariaDB server for one test suite. */
export class MariadbServer {
  readonly options: DataSourceOptions;
  readonly #folder: string;
  readonly #args: string[];
  readonly #server: PrivateServer;

  private constructor(folder: string, port: number, args: string[]) {
    this.#folder = folder;
    this.#server = new PrivateServer(USER, 'mariadbd', join(folder, 'log'));
    this.#args = [
      '--no-defaults',
      `--datadir=${join(folder, 'data')}`,
      `--socket=${join(folder, 'socket')}`,
      `--pid-file=${join(folder, 'pid')}`,
      `--tmpdir=${folder}`,
      `--port=${String(port)}`,
      '--bind-address=127.0.0.1',
      '--skip-name-resolve',
      '--innodb-log-file-size=8M',
      '--innodb-buffer-pool-size=32M',
      '--innodb-flush-log-at-trx-commit=2',
      ...args,
    ];
    this.options = {
      type: 'mariadb',
      host: '127.0.0.1',
      port,
      username: 'root',
      password: '',
      database: 'test',
      connectTimeout: 2_000,
    };
  }

  /**
   * @param args additional options of the server
   * @param origin a server to copy, which was not started yet; or 'empty' for an empty data folder
   */
  static async create(args: string[], origin?: MariadbServer | 'empty'): Promise<MariadbServer> {
    const port = await freePort();
    const server = new MariadbServer(makeFolder(USER), port, args);
    const data = join(server.#folder, 'data');
    if (origin === 'empty') {
      await run(USER, 'mkdir', [data]);
    } else if (origin) {
      await run(USER, 'cp', ['-r', join(origin.#folder, 'data'), data]);
    } else {
      const settings = ['--no-defaults', '--auth-root-authentication-method=normal'];
      await run(USER, 'mariadb-install-db', [...settings, `--datadir=${data}`]);
    }
    return server;
  }

  /** @param args additional options for this start only */
  resume(args: string[] = []): Promise<void> {
    return this.#server.start([...this.#args, ...args], () => acceptsConnections(this.options));
  }

  kill(): Promise<void> {
    return this.#server.end('SIGKILL');
  }

  /** All statements of all clients so far, if the server was started with `general.log`. */
  get statements(): string {
    return readFileSync(join(this.#folder, 'data', 'general.log'), 'utf8');
  }

  /** Runs the statement on a new connection. */
  async ask(sql: string): Promise<any[]> {
    const dataSource = await new DataSource(this.options).initialize();
    try {
      return await dataSource.query(sql);
    } finally {
      await dataSource.destroy();
    }
  }

  async stop(): Promise<void> {
    await this.#server.end('SIGKILL');
    removeFolder(this.#folder);
  }
}

/**
 * A server and a replica that follows it.
 *
 * @param keep is called with each server before it starts
 */
export async function replicatedPair(
  keep: (server: MariadbServer) => MariadbServer,
): Promise<[MariadbServer, MariadbServer]> {
  const log = ['--general-log=1', '--general-log-file=general.log'];
  const primary = keep(await MariadbServer.create(['--server-id=1', '--log-bin', ...log]));
  const replica = keep(await MariadbServer.create(['--server-id=2', ...log], primary));
  await Promise.all([primary.resume(), replica.resume()]);
  const { port } = primary.options as { port: number };
  await replica.ask(
    `CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = ${String(port)},
      MASTER_USER = 'root', MASTER_USE_GTID = slave_pos`,
  );
  await replica.ask('START SLAVE');
  return [primary, replica];
}
