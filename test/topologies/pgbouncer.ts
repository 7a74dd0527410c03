import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { SERVERS } from '../support/databases.ts';
import { freePort } from '../support/ports.ts';
import { acceptsConnections, makeFolder, PrivateServer, removeFolder } from './private-server.ts';

const USER = 'postgres';

/** PgBouncer closes a connection to the server after this many seconds without use. */
const SERVER_IDLE_S = 1;

/** A PgBouncer in transaction mode before the PostgreSQL server that the tests use. */
export class PgBouncer {
  readonly host = '127.0.0.1';
  readonly #folder: string;
  readonly #server: PrivateServer;

  private constructor(
    readonly port: number,
    folder: string,
  ) {
    this.#folder = folder;
    this.#server = new PrivateServer(USER, 'pgbouncer', join(folder, 'log'));
  }

  /** @param poolSize how many connections to the server all clients of one database share */
  static async start(poolSize: number): Promise<PgBouncer> {
    const port = await freePort();
    const folder = makeFolder(USER);
    const { host, port: serverPort, username, password } = SERVERS.postgres as Server;
    const secret = password === '' ? '' : `password='${password.replaceAll("'", "''")}'`;
    writeFileSync(
      join(folder, 'pgbouncer.ini'),
      `[databases]
* = host=${host} port=${String(serverPort)} user=${username} ${secret}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${String(port)}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = ${String(poolSize)}
server_idle_timeout = ${String(SERVER_IDLE_S)}
`,
    );
    const bouncer = new PgBouncer(port, folder);
    await bouncer.resume();
    return bouncer;
  }

  /** Kills PgBouncer, so that it cannot close its connections properly. */
  kill(): Promise<void> {
    return this.#server.end('SIGKILL');
  }

  /** Starts PgBouncer on the same port. */
  resume(): Promise<void> {
    const options = { ...SERVERS.postgres, host: this.host, port: this.port };
    const isReady = (): Promise<boolean> => acceptsConnections(options);
    return this.#server.start([join(this.#folder, 'pgbouncer.ini')], isReady);
  }

  async stop(): Promise<void> {
    await this.#server.end('SIGKILL');
    removeFolder(this.#folder);
  }
}

interface Server {
  host: string;
  port: number;
  username: string;
  password: string;
}
