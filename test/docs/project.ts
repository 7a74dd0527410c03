import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { transformSync, type Options } from '@swc/core';

export const ROOT = fileURLToPath(new URL('../../', import.meta.url));

const { default: jestConfig } = (await import(join(ROOT, 'jest.config.js'))) as {
  default: { transform: Record<string, [transformer: string, options: Options]> };
};

/** The options with which Jest compiles the tests. */
const [, SWC] = Object.values(jestConfig.transform)[0]!;

/** An application outside the repository, with the package installed from lib/. */
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

  /** Runs the program with a new database file, unless the environment names one. */
  start(args: readonly string[], env: Record<string, string>, program = 'dist/main.js'): Running {
    const child = spawn(process.execPath, [program, ...args], {
      cwd: this.folder,
      env: { ...process.env, DATABASE: join(this.folder, 'app.db'), NO_COLOR: '1', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#running.push(child);
    return new Running(child);
  }

  /** Ends its processes, and deletes the folder. */
  async remove(): Promise<void> {
    for (const child of this.#running.filter((one) => one.exitCode === null && !one.signalCode)) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** A process, and its output so far. */
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

/** Compiles a folder of TypeScript to JavaScript that Node.js runs. */
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
