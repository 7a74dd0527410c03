// Starts PostgreSQL and MariaDB for the bench, with their default settings, on the core of the load generator.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { LOAD_CORE, pinned } from './rpc.ts';

export interface DatabaseServer {
  readonly version: string;
  /** The options to connect to this database of the server. */
  options(database: string): DataSourceOptions;
  /** Creates a database of this name. */
  create(database: string): Promise<DataSourceOptions>;
  /** The CPU time that all of its processes have used so far, in milliseconds. */
  cpuMs(): number;
}

/** Database servers are often installed outside PATH. */
const FOLDERS = [
  ...(process.env.PATH ?? '').split(delimiter),
  '/usr/sbin',
  '/usr/local/sbin',
  ...versionsOf('/usr/lib/postgresql'),
];
const START_TIMEOUT_MS = 30_000;

const running = new Set<ChildProcess>();
const folders = new Set<string>();

process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

export async function startPostgres(): Promise<DatabaseServer> {
  const folder = folderOf('postgres');
  const port = await freePort();
  const data = join(folder, 'data');
  const initdb = [
    '--no-sync',
    '-A',
    'trust',
    '-U',
    'postgres',
    '-E',
    'UTF8',
    '--locale=C',
    '-D',
    data,
  ];
  runAs('postgres', folder, [programOf('initdb'), ...initdb]);
  return start(
    'postgres',
    folder,
    [
      programOf('postgres'),
      ...['-D', data, '-p', String(port)],
      ...['-c', 'listen_addresses=127.0.0.1', '-c', `unix_socket_directories=${folder}`],
    ],
    (database) => ({
      ...{ type: 'postgres', host: '127.0.0.1', port, username: 'postgres' },
      database: database ?? 'postgres',
    }),
  );
}

export async function startMariadb(): Promise<DatabaseServer> {
  const folder = folderOf('mysql');
  const port = await freePort();
  const data = join(folder, 'data');
  runAs('mysql', folder, [
    programOf('mariadb-install-db'),
    ...['--no-defaults', `--datadir=${data}`, '--skip-test-db'],
    '--auth-root-authentication-method=normal',
  ]);
  return start(
    'mysql',
    folder,
    [
      programOf('mariadbd'),
      ...['--no-defaults', `--datadir=${data}`, `--port=${port}`, '--bind-address=127.0.0.1'],
      ...[`--socket=${folder}/socket`, `--pid-file=${folder}/pid`],
    ],
    (database) => ({
      ...{ type: 'mariadb', host: '127.0.0.1', port, username: 'root' },
      ...(database === null ? {} : { database }),
    }),
  );
}

/** A PgBouncer in transaction mode before a PostgreSQL server, with its default settings. */
export async function startPgbouncer(postgres: DatabaseServer): Promise<DatabaseServer> {
  const folder = folderOf('postgres');
  const port = await freePort();
  const { port: target } = postgres.options('postgres') as { readonly port: number };
  const file = join(folder, 'pgbouncer.ini');
  writeFileSync(
    file,
    `[databases]
* = host=127.0.0.1 port=${target} user=postgres
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
`,
  );
  return start('postgres', folder, [programOf('pgbouncer'), file], (database) => ({
    ...postgres.options(database ?? 'postgres'),
    port,
  }));
}

/** Stops all servers. Their folders are removed when the bench ends. */
export async function stopDatabases(): Promise<void> {
  for (const child of running) {
    const ended = once(child, 'exit');
    // At a SIGTERM, PostgreSQL would wait for its clients, so it gets a SIGINT; MariaDB ignores SIGINT.
    child.kill('SIGINT');
    child.kill('SIGTERM');
    await ended;
    running.delete(child);
  }
}

/** Makes a folder that is removed when the bench ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'nestjs-knox-bench-'));
  folders.add(folder);
  return folder;
}

async function start(
  user: string,
  folder: string,
  command: readonly string[],
  optionsOf: (database: string | null) => DataSourceOptions,
): Promise<DatabaseServer> {
  const [program, args] = pinned(LOAD_CORE, runningAs(user, command));
  const child = spawn(program, args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
  let output = '';
  child.stderr.on('data', (text: Buffer) => (output = (output + text.toString()).slice(-2000)));
  running.add(child);
  const [{ version }] = await untilAnswered(
    child,
    () => output,
    () => query(optionsOf(null), 'SELECT version() AS version'),
  );
  return {
    version: /(?:PostgreSQL )?[\d.]+(?:-MariaDB)?/.exec(version as string)?.[0] ?? version,
    options: optionsOf,
    async create(database) {
      await query(optionsOf(null), `CREATE DATABASE ${database}`);
      return optionsOf(database);
    },
    cpuMs: () => cpuOfTree(child.pid!),
  };
}

async function query(options: DataSourceOptions, sql: string): Promise<any> {
  const dataSource = await new DataSource(options).initialize();
  try {
    return await dataSource.query(sql);
  } finally {
    await dataSource.destroy();
  }
}

async function untilAnswered<T>(
  child: ChildProcess,
  output: () => string,
  attempt: () => Promise<T>,
): Promise<T> {
  for (const start = Date.now(); ;) {
    try {
      return await attempt();
    } catch (error) {
      if (child.exitCode !== null || Date.now() - start > START_TIMEOUT_MS) {
        throw new Error(`A database server did not start:\n${output()}`, { cause: error });
      }
      await delay(100);
    }
  }
}

/** The CPU time of this process and its children, in milliseconds: PostgreSQL has a process for each connection. */
function cpuOfTree(pid: number): number {
  if (!existsSync('/proc/self/stat')) return NaN;
  let ticks = 0;
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = statOf(entry);
    // Fields 4, 14 to 17 of proc(5), counted from the one behind the name.
    const [, parent, , , , , , , , , , user, system, childUser, childSystem] = stat;
    if (Number(entry) === pid)
      ticks += Number(user) + Number(system) + Number(childUser) + Number(childSystem);
    else if (Number(parent) === pid) ticks += Number(user) + Number(system);
  }
  return ticks * 10;
}

function statOf(pid: string): string[] {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  } catch {
    return []; // It has just ended.
  }
}

/** The servers refuse to run as root. */
function runningAs(user: string, command: readonly string[]): string[] {
  if (process.getuid?.() !== 0) return [...command];
  return ['setpriv', `--reuid=${user}`, `--regid=${user}`, '--clear-groups', ...command];
}

function runAs(user: string, cwd: string, command: readonly string[]): void {
  const [program, args] = pinned(LOAD_CORE, runningAs(user, command));
  const { status, stderr } = spawnSync(program, args, { cwd, encoding: 'utf8' });
  if (status !== 0) throw new Error(`${command[0]!} failed:\n${stderr}`);
}

function folderOf(user: string): string {
  const folder = temporaryFolder();
  if (process.getuid?.() === 0) spawnSync('chown', [user, folder]);
  return folder;
}

function programOf(name: string): string {
  const folder = FOLDERS.find((candidate) => existsSync(join(candidate, name)));
  if (folder === undefined) throw new Error(`${name} is not installed: see bench/README.md`);
  return join(folder, name);
}

/** The newest first. */
function versionsOf(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const versions = readdirSync(folder).sort((a, b) => Number(b) - Number(a));
  return versions.map((version) => join(folder, version, 'bin'));
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
