import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { freePort } from '../test/support/ports.ts';
import { COMMIT, type Proxy } from '../test/support/proxy.ts';
import {
  accountOf,
  newFolder,
  programOf,
  removeFolder,
  runOnce,
  ServerProcess,
} from './server-process.ts';

export const DATABASES = ['sqlite', 'postgres', 'mariadb'] as const;

export type DatabaseName = (typeof DATABASES)[number];

/** A way to break the database, and to repair it. */
export interface Fault {
  readonly name: string;
  begin(): Promise<void>;
  /** Resolves when the database answers on new connections again. */
  end(): Promise<void>;
}

/** A database on a server that was started for the soak. */
export interface SoakDatabase {
  readonly options: DataSourceOptions;
  /** The settings that make an acknowledged write durable, for the report. */
  readonly durability: string;
  /** Injected in turn. */
  readonly faults: readonly Fault[];
  close(): Promise<void>;
}

const START_TIMEOUT_MS = 60_000;

/** The programs that this database needs and that are not installed. */
export function missingPrograms(name: DatabaseName): string[] {
  const programs = {
    sqlite: [],
    postgres: ['initdb', 'postgres'],
    mariadb: ['mariadb-install-db', 'mariadbd'],
  }[name];
  return programs.filter((program) => programOf(program) === undefined);
}

export function startDatabase(name: DatabaseName): Promise<SoakDatabase> {
  return { sqlite: startSqlite, postgres: startPostgres, mariadb: startMariadb }[name]();
}

/** How many COMMITs in a row lose their answer. */
const LOST_COMMITS = 3;

/** Breaks the proxy's connection after the server has done a COMMIT, before its answer arrives. */
export function dropCommitAnswers(proxy: Proxy): Fault {
  return {
    name: 'a COMMIT done, its connection broken before the answer',
    async begin() {
      for (let count = 0; count < LOST_COMMITS; count++) {
        await Promise.race([proxy.breakAfter(COMMIT), sleep(2_000)]);
      }
    },
    end: () => Promise.resolve(),
  };
}

async function startPostgres(): Promise<SoakDatabase> {
  const account = accountOf('postgres');
  const folder = newFolder(account);
  const data = join(folder, 'data');
  const initdb = ['-A', 'trust', '-U', 'postgres', '-E', 'UTF8', '--locale=C', '-D', data];
  runOnce(programOf('initdb')!, initdb, folder, account);
  const port = await freePort();
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: folder,
    fsync: 'on',
    synchronous_commit: 'on',
  };
  const server = new ServerProcess(
    programOf('postgres')!,
    [
      ...['-D', data, '-p', String(port)],
      ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
    ],
    folder,
    account,
  );
  const options: DataSourceOptions = {
    type: 'postgres',
    host: '127.0.0.1',
    port,
    username: 'postgres',
    database: 'postgres',
  };
  const immediately: Fault = {
    name: 'stopped in immediate mode',
    async begin() {
      server.signalParent('SIGQUIT');
      await server.ended();
    },
    end: () => start(server, options),
  };
  return serverDatabase(server, options, folder, 'fsync and synchronous_commit on', [
    freezing(server),
    killing(server, options),
    freezing(server),
    immediately,
  ]);
}

async function startMariadb(): Promise<SoakDatabase> {
  const account = accountOf('mysql');
  const folder = newFolder(account);
  const data = join(folder, 'data');
  runOnce(
    programOf('mariadb-install-db')!,
    [
      ...['--no-defaults', `--datadir=${data}`, '--skip-test-db'],
      '--auth-root-authentication-method=normal',
    ],
    folder,
    account,
  );
  const port = await freePort();
  const server = new ServerProcess(
    programOf('mariadbd')!,
    [
      ...['--no-defaults', `--datadir=${data}`, `--port=${String(port)}`],
      ...['--bind-address=127.0.0.1', `--socket=${folder}/socket`, `--pid-file=${folder}/pid`],
      '--innodb-flush-log-at-trx-commit=1',
    ],
    folder,
    account,
  );
  const connection = { type: 'mariadb', host: '127.0.0.1', port, username: 'root' } as const;
  const options: DataSourceOptions = { ...connection, database: 'mysql' };
  const faults = [freezing(server), killing(server, options)];
  const durability = 'innodb_flush_log_at_trx_commit = 1';
  const database = await serverDatabase(server, options, folder, durability, faults);
  await ask(options, 'CREATE DATABASE soak');
  return { ...database, options: { ...connection, database: 'soak' } };
}

/** SQLite has no server process: its fault is a locked file. */
function startSqlite(): Promise<SoakDatabase> {
  const folder = newFolder();
  const file = join(folder, 'soak.db');
  return Promise.resolve({
    options: { type: 'better-sqlite3', database: file, timeout: 0 },
    durability: 'rollback journal, synchronous = FULL',
    faults: [locking(file)],
    close() {
      removeFolder(folder);
      return Promise.resolve();
    },
  });
}

async function serverDatabase(
  server: ServerProcess,
  options: DataSourceOptions,
  folder: string,
  durability: string,
  faults: readonly Fault[],
): Promise<SoakDatabase> {
  await start(server, options);
  return {
    options,
    durability,
    faults,
    async close() {
      server.signal('SIGCONT');
      server.signal('SIGKILL');
      await server.ended();
      removeFolder(folder);
    },
  };
}

/** Another process locks the file. */
function locking(file: string): Fault {
  const script = new URL('../test/support/sqlite-locker.mjs', import.meta.url);
  let locker: ReturnType<typeof fork> | undefined;
  return {
    name: 'locked by another process',
    async begin() {
      locker = fork(script, [file]);
      await once(locker, 'message');
    },
    async end() {
      const exited = once(locker!, 'exit');
      locker!.disconnect();
      await exited;
    },
  };
}

function freezing(server: ServerProcess): Fault {
  const signal = (name: NodeJS.Signals): Promise<void> => {
    server.signal(name);
    return Promise.resolve();
  };
  return {
    name: 'frozen (SIGSTOP)',
    begin: () => signal('SIGSTOP'),
    end: () => signal('SIGCONT'),
  };
}

function killing(server: ServerProcess, options: DataSourceOptions): Fault {
  return {
    name: 'killed (SIGKILL)',
    async begin() {
      const ended = server.ended();
      server.signal('SIGKILL');
      await ended;
    },
    end: () => start(server, options),
  };
}

/** Starts the server and waits until it answers. */
async function start(server: ServerProcess, options: DataSourceOptions): Promise<void> {
  server.start();
  for (const end = Date.now() + START_TIMEOUT_MS; ;) {
    try {
      await ask(options, 'SELECT 1');
      return;
    } catch (error) {
      if (Date.now() > end)
        throw new Error('The database server does not answer.', { cause: error });
      // After a kill, the old server's lock file may still stand for a moment, and make the new one exit.
      if (server.hasEnded) server.start();
      await sleep(25);
    }
  }
}

async function ask(options: DataSourceOptions, sql: string): Promise<void> {
  const dataSource = await new DataSource(options).initialize();
  try {
    await dataSource.query(sql);
  } finally {
    await dataSource.destroy();
  }
}
