// Builds dist/esm and dist/cjs from lib/ with two tsconfigs and nothing else.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const tsc = createRequire(import.meta.url).resolve('typescript/bin/tsc');

rmSync(join(root, 'dist'), { recursive: true, force: true });
for (const [format, type] of [
  ['esm', 'module'],
  ['cjs', 'commonjs'],
]) {
  const args = [tsc, '-p', `tsconfig.${format}.json`];
  const { status } = spawnSync(process.execPath, args, { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(1);
  const out = join(root, 'dist', format);
  writeFileSync(join(out, 'package.json'), `{ "type": "${type}" }\n`);
  for (const file of readdirSync(out, { recursive: true })) {
    if (file.endsWith('.d.ts')) rewriteSpecifiers(join(out, file));
  }
}

/**
 * `rewriteRelativeImportExtensions` turns './x.ts' into './x.js' in the emitted JavaScript, but not in the declarations,
 * where './x.ts' would name a file that does not exist.
 * @see https://github.com/microsoft/TypeScript/issues/61037
 */
function rewriteSpecifiers(file) {
  const source = readFileSync(file, 'utf8');
  writeFileSync(file, source.replace(/((?:from|import)[ (]*['"]\.[^'"\n]*)\.ts(['"])/g, '$1.js$2'));
}
