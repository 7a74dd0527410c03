import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';

/** Database servers are often installed outside PATH. */
const FOLDERS = [
  ...(process.env.PATH ?? '').split(delimiter),
  '/usr/sbin',
  '/usr/local/sbin',
  ...versionsOf('/usr/lib/postgresql'),
];

/** To remove and to end when the soak ends, even by an error. */
const folders = new Set<string>();
const running = new Set<ServerProcess>();

process.on('exit', () => {
  for (const server of running) server.signal('SIGKILL');
  for (const folder of folders) rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
});

/** A database server whose processes can be killed, frozen and started again. */
export class ServerProcess {
  readonly #program: string;
  readonly #args: readonly string[];
  readonly #folder: string;
  readonly #account: Account;
  #child: ChildProcess | undefined;

  constructor(program: string, args: readonly string[], folder: string, account: Account) {
    this.#program = program;
    this.#args = args;
    this.#folder = folder;
    this.#account = account;
  }

  start(): void {
    const options = { cwd: this.#folder, stdio: 'ignore', ...this.#account } as const;
    this.#child = spawn(this.#program, this.#args, options);
    running.add(this);
  }

  /** Whether it has ended by itself. */
  get hasEnded(): boolean {
    return this.#child?.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Signals the server and all of its children: PostgreSQL has a process for each connection. */
  signal(name: NodeJS.Signals): void {
    // The parent first, so that it starts no more children.
    for (const pid of this.#pids()) {
      try {
        process.kill(pid, name);
      } catch {
        // It has just ended.
      }
    }
  }

  /** Signals only the server's first process. */
  signalParent(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }

  /** Resolves when the server and all of its children have ended. */
  async ended(): Promise<void> {
    const pids = this.#pids();
    if (!this.hasEnded) await once(this.#child as ChildProcess, 'exit');
    while (pids.some((pid) => existsSync(`/proc/${String(pid)}`) && !isZombie(pid))) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    running.delete(this);
  }

  #pids(): number[] {
    const parent = this.#child?.pid;
    if (parent === undefined || this.hasEnded) return [];
    const all = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
    return [parent, ...all.map(Number).filter((pid) => statOf(pid).parent === parent)];
  }
}

export interface Account {
  readonly uid?: number;
  readonly gid?: number;
}

/** The account that a server runs as: the servers refuse to run as root. */
export function accountOf(name: string): Account {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string): number =>
    Number(execFileSync('id', [flag, name], { encoding: 'utf8' }).trim());
  return { uid: id('-u'), gid: id('-g') };
}

/** Makes a folder that belongs to the account and is removed at the end. */
export function newFolder({ uid, gid }: Account = {}): string {
  const folder = mkdtempSync(join(tmpdir(), 'nestjs-knox-soak-'));
  folders.add(folder);
  if (uid !== undefined && gid !== undefined) chownSync(folder, uid, gid);
  return folder;
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  folders.delete(folder);
}

export function runOnce(
  program: string,
  args: readonly string[],
  folder: string,
  account: Account,
): void {
  const { status, stderr, error } = spawnSync(program, args, {
    cwd: folder,
    encoding: 'utf8',
    ...account,
  });
  if (status !== 0) throw new Error(`${program} failed: ${error?.message ?? stderr}`);
}

/** The path of an installed program, or undefined. */
export function programOf(name: string): string | undefined {
  return FOLDERS.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

function versionsOf(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const versions = readdirSync(folder).sort((a, b) => Number(b) - Number(a));
  return versions.map((version) => join(folder, version, 'bin'));
}

const isZombie = (pid: number): boolean => statOf(pid).state === 'Z';

/** @see proc(5), /proc/pid/stat */
function statOf(pid: number): { state?: string; parent?: number } {
  try {
    const stat = readFileSync(`/proc/${String(pid)}/stat`, 'utf8');
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return { state: state!, parent: Number(parent) };
  } catch {
    return {};
  }
}
