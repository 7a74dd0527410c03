import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from '@jest/globals';
import { DATABASES } from './databases.ts';

/** The path of the program, or undefined. On Debian, PostgreSQL's programs are not in the PATH. */
export function findProgram(program: string): string | undefined {
  const postgres = '/usr/lib/postgresql';
  const versions = existsSync(postgres) ? readdirSync(postgres).sort((a, b) => +b - +a) : [];
  return [
    ...(process.env.PATH ?? '').split(':'),
    '/usr/sbin',
    ...versions.map((version) => join(postgres, version, 'bin')),
  ]
    .map((folder) => join(folder, program))
    .find((path) => existsSync(path));
}

/** The need is a program, one of several as in `chromium or google-chrome`, a file by its absolute path, or `postgres server`. */
function isMissing(need: string): boolean {
  if (need === 'postgres server') return !DATABASES.includes('postgres');
  if (need.startsWith('/')) return !existsSync(need);
  return need.split(' or ').every((program) => findProgram(program) === undefined);
}

/** A suite that needs programs. If one is missing, a skipped test names it; in CI the test fails. */
export function describeWithPrograms(
  title: string,
  needs: readonly string[],
  suite: () => void,
): void {
  const missing = needs.filter(isMissing);
  describe(title, () => {
    if (missing.length === 0) {
      suite();
      return;
    }
    const what = `LEFT OUT: ${missing.join(', ')} not found`;
    if (!process.env.CI) it.skip(what, () => undefined);
    else
      it('finds what it needs', () => {
        throw new Error(what);
      });
  });
}
