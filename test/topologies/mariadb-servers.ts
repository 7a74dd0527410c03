import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { DataSource, type DataSourceOptions } from 'typeorm';
import {
  answers,
  freePorts,
  makeFolder,
  PrivateServer,
  removeFolder,
  run,
} from './private-server.ts';

const USER = 'mysql';

/** Programs that these servers are made with. */
export const MARIADB_PROGRAMS = ['mariadb-install-db', 'mariadbd'];

/** A MariaDB server of a test's own. */
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
   * @param args what the server is told beside the usual
   * @param origin a server that was not started yet, to be an exact copy of; or that it is empty
   */
  static async create(args: string[], origin?: MariadbServer | 'empty'): Promise<MariadbServer> {
    const [port] = (await freePorts(1)) as [number];
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

  /** @param args what it is told this time only */
  resume(args: string[] = []): Promise<void> {
    return this.#server.start([...this.#args, ...args], () => answers(this.options));
  }

  kill(): Promise<void> {
    return this.#server.end('SIGKILL');
  }

  /** All statements that came in so far, from whomever, where it was told to log them to `general.log`. */
  get statements(): string {
    return readFileSync(join(this.#folder, 'data', 'general.log'), 'utf8');
  }

  /** Asks on a connection of its own. */
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
 * @param keep is given each server before it starts
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
