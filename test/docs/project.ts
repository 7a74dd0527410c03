import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { symlinkSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformSync, type Options } from '@swc/core';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** As jest.config.js compiles the tests. */
const SWC: Options = {
  swcrc: false,
  module: { type: 'es6' },
  jsc: {
    target: 'es2022',
    parser: { syntax: 'typescript', decorators: true },
    transform: {
      legacyDecorator: true,
      decoratorMetadata: true,
      useDefineForClassFields: false,
      verbatimModuleSyntax: true,
    },
    keepClassNames: true,
  },
};

/** An application outside the repository, in which the package is installed as lib/ has it. */
export class Project {
  readonly folder = mkdtempSync(join(tmpdir(), 'nestjs-knox-docs-'));
  readonly #running: ChildProcess[] = [];

  constructor() {
    const modules = join(this.folder, 'node_modules');
    mkdirSync(modules);
    for (const name of readdirSync(join(ROOT, 'node_modules'))) {
      symlinkSync(join(ROOT, 'node_modules', name), join(modules, name));
    }
    const installed = join(modules, 'nestjs-knox');
    mkdirSync(installed);
    cpSync(join(ROOT, 'package.json'), join(installed, 'package.json'));
    compileFolder(join(ROOT, 'lib'), join(installed, 'dist/esm'));
    writeFileSync(join(this.folder, 'package.json'), '{ "type": "module" }\n');
  }

  /** Compiles a TypeScript file of the application to `dist`. */
  add(path: string, source: string): void {
    compile(source, join(this.folder, 'dist', path));
  }

  /** Runs `dist/main.js`, with a database file of its own unless the environment names one. */
  start(args: readonly string[], env: Record<string, string>): Running {
    const child = spawn(process.execPath, ['dist/main.js', ...args], {
      cwd: this.folder,
      env: { ...process.env, DATABASE: join(this.folder, 'app.db'), NO_COLOR: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#running.push(child);
    return new Running(child);
  }

  /** Ends what still runs, and deletes the folder. */
  async remove(): Promise<void> {
    for (const child of this.#running.filter((one) => one.exitCode === null && !one.signalCode)) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A process, and what it has printed so far. */
export class Running {
  output = '';
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;

  constructor(readonly child: ChildProcess) {
    const collect = (chunk: Buffer) => void (this.output += chunk.toString());
    child.stdout?.on('data', collect);
    child.stderr?.on('data', collect);
    this.ended = once(child, 'close').then(([code, signal]) => ({ code, signal }));
  }

  /** Resolves once the output matches. */
  async printed(pattern: RegExp): Promise<RegExpExecArray> {
    for (let ended = false; ;) {
      const match = pattern.exec(this.output);
      if (match) return match;
      if (ended) throw new Error(`It ended without printing ${String(pattern)}:\n${this.output}`);
      const more = once(this.child.stdout!, 'data').then(() => false);
      ended = await Promise.race([this.ended.then(() => true), more]);
    }
  }
}

/** A port that nothing listens at. */
export async function freePort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return String(port);
}

export async function listensAt(port: string): Promise<boolean> {
  const socket = connect(Number(port), '127.0.0.1');
  const opened = await once(socket, 'connect').then(
    () => true,
    () => false,
  );
  socket.destroy();
  return opened;
}

/** Compiles a folder of TypeScript, of lib/ say, to JavaScript that Node runs as it is. */
export function compileFolder(from: string, to: string): void {
  for (const path of readdirSync(from, { recursive: true, encoding: 'utf8' })) {
    if (path.endsWith('.ts')) compile(readFileSync(join(from, path), 'utf8'), join(to, path));
  }
}

function compile(source: string, path: string): void {
  const { code } = transformSync(source, { ...SWC, filename: path });
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path.replace(/\.ts$/, '.js'), code.replace(/(from '\.[^']*)\.ts'/g, "$1.js'"));
}
