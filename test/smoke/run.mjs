// Packs the package, and uses the tarball as apps outside the repository would: see the folders beside this file.
// `run.mjs 22 24` uses them with those versions of Node.js too, and follows the quick starts with the last.
// Its last line is `N passed, N failed`.
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { installApp, installNewerSqlite, useApp } from './apps.mjs';
import { installNode } from './nodes.mjs';
import { followQuickStart } from './quick-start.mjs';
import { check, counts, run, section } from './report.mjs';
import { checkTarball } from './tarball.mjs';

const root = fileURLToPath(new URL('../..', import.meta.url));
const work = mkdtempSync(join(tmpdir(), 'nestjs-knox-smoke-'));
const tarball = join(work, 'nestjs-knox.tgz');
const versions = process.argv.slice(2);

/** `npm pack` builds first: see `prepack`. */
function pack() {
  run(root, 'npm', 'pack', '--pack-destination', work);
  const name = readdirSync(work).find((file) => file.endsWith('.tgz'));
  renameSync(join(work, name), tarball);
  check('builds and packs', true);
  const unpacked = join(work, 'tarball');
  mkdirSync(unpacked);
  run(unpacked, 'tar', '-xzf', tarball);
  const files = run(unpacked, 'tar', '-tzf', tarball).trim().split('\n');
  const names = files.map((file) => file.replace(/^package\//, '')).sort();
  checkTarball(join(unpacked, 'package'), names, check);
}

async function useWithThisNode() {
  const apps = [];
  for (const name of ['esm-nest12', 'cjs-nest11']) {
    const app = join(work, name);
    if (!(await installApp(name, app, tarball))) continue;
    apps.push([name, app]);
    await useApp(name, app, process.execPath);
  }
  return apps;
}

async function useWithOtherNodes(apps) {
  for (const [name, app] of apps) await installNewerSqlite(name, app);
  for (const version of versions) {
    const node = await installNode(version, work);
    if (node === null) continue;
    for (const [name, app] of apps) await useApp(name, app, node);
    if (version === versions.at(-1)) await followQuickStart({ node, work, tarball });
  }
}

if (await section('npm pack', pack)) {
  const apps = await useWithThisNode();
  if (versions.length > 0) await useWithOtherNodes(apps);
}
const { passed, failed } = counts;
if (failed === 0) rmSync(work, { recursive: true });
else console.log(`\nleft for a look: ${work}`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
