import { cpSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { check, run, section } from './report.mjs';
import { serve } from './server.mjs';
import { session } from './session.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const modules = join(here, '../../node_modules');

/** Installs the app in `app` and compiles it, with the Node.js that runs this and the repository's better-sqlite3. */
export function installApp(name, app, tarball) {
  return section(`${name}: installs and type-checks`, () => {
    cpSync(join(here, name), app, { recursive: true });
    cpSync(join(here, 'shared'), app, { recursive: true });
    // better-sqlite3 12 compiles for a minute. The repository has done so, for the same Node and the same version.
    const sqlite = join(modules, 'better-sqlite3');
    const { version } = JSON.parse(readFileSync(join(sqlite, 'package.json')));
    install(app, tarball, `better-sqlite3@${version}`);
    const binary = 'build/Release/better_sqlite3.node';
    if (existsSync(join(sqlite, binary))) {
      cpSync(join(sqlite, binary), join(app, 'node_modules/better-sqlite3', binary));
    }
    check('npm install', true);
    run(app, 'npx', '--no-install', 'tsc');
    check('tsc, skipLibCheck: false', true);
    if (name !== 'cjs-nest11') return;
    const older = ['--noEmit', '--module', 'commonjs', '--moduleResolution', 'node10'];
    run(app, 'npx', '--no-install', 'tsc', ...older);
    check('tsc, as an older app resolves modules', true);
  });
}

/** better-sqlite3 13 has binaries for each Node.js from 22 on. */
export function installNewerSqlite(name, app) {
  return section(`${name}: better-sqlite3 13`, () => {
    install(app, 'better-sqlite3@13');
    check('npm install', true);
  });
}

function install(app, ...packages) {
  run(app, 'npm', 'install', '--ignore-scripts', '--no-audit', '--no-fund', ...packages);
}

/** Uses the app with the Node.js named. */
export async function useApp(name, app, node) {
  for (const adapter of ['express', 'fastify']) {
    await section(`${name}: a session over ${adapter}`, () =>
      serve(app, node, adapter, (url) => session(url, check)),
    );
  }
  await section(`${name}: its own checks`, () => {
    run(app, node, 'copies.mjs');
    check('import and require give one copy', true);
    if (name !== 'cjs-nest11') return;
    run(app, node, 'node_modules/jest/bin/jest.js');
    check('its unit tests, under CommonJS Jest', true);
  });
}
