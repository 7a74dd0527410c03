import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { check, run, section } from './report.mjs';

/** The path of the newest Node.js of that major version, from npm; null if it can't be had. */
export async function installNode(major, work) {
  const folder = join(work, `node-${major}`);
  const name = `node-${process.platform}-${process.arch}`;
  const node = join(folder, 'node_modules', name, 'bin/node');
  const installed = await section(`Node ${major}`, () => {
    mkdirSync(folder);
    run(
      folder,
      'npm',
      'install',
      '--prefix',
      folder,
      '--no-audit',
      '--no-fund',
      `${name}@${major}`,
    );
    check(run(folder, node, '--version').trim(), true);
  });
  return installed ? node : null;
}
