import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { jest } from '@jest/globals';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { describeWithPrograms, findProgram } from '../support/programs.ts';

/** How long a server may take to start, in milliseconds. */
const PATIENCE_MS = 120_000;

// Servers and processes take long to start.
jest.setTimeout(2 * PATIENCE_MS);

const isRoot = process.getuid?.() === 0;

/** A suite that starts servers itself, and needs programs for that. */
export function describeTopology(title: string, needs: readonly string[], suite: () => void): void {
  describeWithPrograms(title, [...needs, 'setpriv'], suite);
}

/** Runs a program as this user, because some refuse to run as root, and lets it end with the tests. */
function commandLine(user: string, program: string): [string, string[]] {
  const identity = isRoot ? [`--reuid=${user}`, `--regid=${user}`, '--clear-groups'] : [];
  return ['setpriv', [...identity, '--pdeathsig=KILL', findProgram(program) ?? program]];
}

/** Runs a program to its end. */
export async function run(user: string, program: string, args: string[]): Promise<void> {
  const [command, prefix] = commandLine(user, program);
  await promisify(execFile)(command, [...prefix, ...args], { timeout: PATIENCE_MS, cwd: tmpdir() });
}

/** Makes a temporary folder that the user may write to. */
export function makeFolder(user: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'nestjs-knox-server-'));
  if (isRoot) execFileSync('chown', [`${user}:`, folder]);
  return folder;
}

export function removeFolder(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
}

/** A server that a test can kill and start again. */
export class PrivateServer {
  readonly #user: string;
  readonly #program: string;
  readonly #log: string;
  #process: ChildProcess | undefined;

  /** @param log the file for its output */
  constructor(user: string, program: string, log: string) {
    this.#user = user;
    this.#program = program;
    this.#log = log;
  }

  /** Resolves once the server is ready. */
  async start(args: string[], isReady: () => Promise<boolean>): Promise<void> {
    const [command, prefix] = commandLine(this.#user, this.#program);
    const log = openSync(this.#log, 'a');
    const child = spawn(command, [...prefix, ...args], {
      stdio: ['ignore', log, log],
      cwd: tmpdir(),
    });
    closeSync(log);
    this.#process = child;
    const end = Date.now() + PATIENCE_MS;
    while (!(await isReady())) {
      if (this.#hasEnded || Date.now() > end) {
        throw new Error(`${this.#program} did not start:\n${this.output.slice(-1_000)}`);
      }
      await sleep(50);
    }
  }

  /** All output of the server so far. */
  get output(): string {
    return readFileSync(this.#log, 'utf8');
  }

  signal(signal: NodeJS.Signals): void {
    this.#process?.kill(signal);
  }

  /** Ends the process with this signal, and waits until it has ended. */
  async end(signal: NodeJS.Signals): Promise<void> {
    if (!this.#process || this.#hasEnded) return;
    const exited = once(this.#process, 'exit');
    this.#process.kill(signal);
    const killing = setTimeout(() => this.#process?.kill('SIGKILL'), PATIENCE_MS);
    await exited;
    clearTimeout(killing);
  }

  get #hasEnded(): boolean {
    return this.#process?.exitCode !== null || this.#process.signalCode !== null;
  }
}

/** Ends all that a suite has started, in reverse order, even if it has started only a part. */
export class Teardown {
  readonly #ends: (() => unknown)[] = [];

  /** Registers a part. Gives it back. */
  add<T>(part: T, end: (part: T) => unknown): T {
    this.#ends.push(() => end(part));
    return part;
  }

  async run(): Promise<void> {
    for (const end of this.#ends.splice(0).reverse()) await end();
  }
}

/** Whether the server accepts a connection and answers. */
export async function acceptsConnections(options: DataSourceOptions): Promise<boolean> {
  const dataSource = new DataSource({ ...options, logging: false });
  try {
    await dataSource.initialize();
    await dataSource.destroy();
    return true;
  } catch {
    return false;
  }
}

export async function destroyDataSource(dataSource: DataSource): Promise<void> {
  if (dataSource.isInitialized) await dataSource.destroy();
}
