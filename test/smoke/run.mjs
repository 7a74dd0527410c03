// Packs the package, and uses the tarball as two apps outside the repository would: see the folders beside this file.
// Its last line is `N passed, N failed`.
import { execFileSync, spawn } from 'node:child_process';
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { session } from './session.mjs';
import { checkTarball } from './tarball.mjs';

const START_TIMEOUT_MS = 30_000;
const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '../..');
const work = mkdtempSync(join(tmpdir(), 'nestjs-knox-smoke-'));
let passed = 0;
let failed = 0;

function check(name, holds, evidence) {
  if (holds) passed += 1;
  else failed += 1;
  console.log(holds ? `  ok      ${name}` : `  FAILED  ${name}: ${JSON.stringify(evidence)}`);
}

/** Whether the steps came to their end: the first that throws is counted, those after it are left out. */
async function section(name, steps) {
  console.log(`\n${name}`);
  try {
    await steps();
    return true;
  } catch (error) {
    check(error.command ?? name, false, error.message);
    return false;
  }
}

/** Runs to its end, silent unless it fails. */
function run(cwd, ...command) {
  const [file, ...args] = command;
  try {
    return execFileSync(file, args, { cwd, encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    console.log(`${error.stdout}${error.stderr}`);
    throw Object.assign(new Error(`exit status ${error.status}`), { command: command.join(' ') });
  }
}

/** `npm pack` builds first: see `prepack`. */
function pack(tarball) {
  run(root, 'npm', 'pack', '--pack-destination', work);
  const name = readdirSync(work).find((file) => file.endsWith('.tgz'));
  renameSync(join(work, name), tarball);
}

function install(name, app, tarball) {
  cpSync(join(here, name), app, { recursive: true });
  cpSync(join(here, 'shared'), app, { recursive: true });
  // better-sqlite3 compiles for a minute. The repository has done so, for the same Node and the same version.
  const sqlite = join(root, 'node_modules/better-sqlite3');
  const { version } = JSON.parse(readFileSync(join(sqlite, 'package.json')));
  const packages = [tarball, `better-sqlite3@${version}`];
  run(app, 'npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund', ...packages);
  const binary = 'build/Release/better_sqlite3.node';
  cpSync(join(sqlite, binary), join(app, 'node_modules/better-sqlite3', binary));
}

async function serve(app, adapter) {
  const env = { ...process.env, DATABASE: join(app, `${adapter}.db`) };
  const server = spawn(process.execPath, ['dist/main.js', adapter], {
    cwd: app,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const stopped = new Promise((resolve) => server.once('exit', resolve));
  const timeout = setTimeout(() => server.kill(), START_TIMEOUT_MS);
  try {
    await session(await addressOf(server), check);
  } finally {
    clearTimeout(timeout);
    server.kill('SIGTERM');
    await stopped;
  }
}

async function addressOf(server) {
  for await (const line of createInterface(server.stdout)) {
    if (line.startsWith('listening on ')) return line.slice('listening on '.length);
    console.log(line);
  }
  throw new Error('the app did not start');
}

async function consumer(name, tarball) {
  const app = join(work, name);
  const ready = await section(`${name}: installs and type-checks`, () => {
    install(name, app, tarball);
    check('npm install', true);
    run(app, 'npx', '--no-install', 'tsc');
    check('tsc, skipLibCheck: false', true);
  });
  if (!ready) return;
  for (const adapter of ['express', 'fastify']) {
    await section(`${name}: a session over ${adapter}`, () => serve(app, adapter));
  }
  if (name === 'cjs-nest11') await section(`${name}: its own checks`, () => checkCommonJs(app));
}

function checkCommonJs(app) {
  run(app, 'npx', '--no-install', 'jest');
  check('its unit tests, under CommonJS Jest', true);
  const older = ['--noEmit', '--module', 'commonjs', '--moduleResolution', 'node10'];
  run(app, 'npx', '--no-install', 'tsc', ...older);
  check('tsc, as an older app resolves modules', true);
}

const tarball = join(work, 'nestjs-knox.tgz');
const packed = await section('npm pack', () => {
  pack(tarball);
  check('builds and packs', true);
  const unpacked = join(work, 'tarball');
  mkdirSync(unpacked);
  run(unpacked, 'tar', '-xzf', tarball);
  const files = run(unpacked, 'tar', '-tzf', tarball).trim().split('\n');
  const names = files.map((file) => file.replace(/^package\//, '')).sort();
  checkTarball(join(unpacked, 'package'), names, check);
});
if (packed) {
  await consumer('esm-nest12', tarball);
  await consumer('cjs-nest11', tarball);
}

if (failed === 0) rmSync(work, { recursive: true });
else console.log(`\nleft for a look: ${work}`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
