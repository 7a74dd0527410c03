// The servers once more, on the build of another checkout.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * Copies the compiled bench to `dist/before`, with the package that the checkout has built. The
 * copied package gets NestJS, TypeORM and the drivers from this checkout, as the current one does:
 * with its own, TypeORM and NestJS would be loaded twice, and their classes would not match.
 *
 * @returns the checkout's commit
 * @throws if the checkout is not built
 */
export function installBefore(checkout: string): string {
  const source = resolve(checkout);
  if (!existsSync(join(source, 'dist/esm/index.js'))) {
    throw new Error(`--against: run "npm run build" in ${source} first.`);
  }
  const bench = fileURLToPath(new URL('.', import.meta.url));
  const before = join(bench, 'before');
  for (const name of readdirSync(bench).filter((file) => file !== 'before')) {
    cpSync(join(bench, name), join(before, name), { recursive: true });
  }
  const target = join(before, 'node_modules/nestjs-knox');
  for (const name of ['package.json', 'dist']) {
    cpSync(join(source, name), join(target, name), { recursive: true });
  }
  const head = spawnSync('git', ['-C', source, 'rev-parse', '--short', 'HEAD'], {
    encoding: 'utf8',
  });
  return head.status === 0 ? head.stdout.trim() : source;
}
