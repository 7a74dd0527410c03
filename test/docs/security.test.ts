import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { readDocument, section, tables } from './markdown.ts';
import { ROOT } from './project.ts';

const SECURITY = readDocument('SECURITY.md');

/** The promises under a heading, and the files that hold each of them. */
function promisesUnder(heading: string): [promise: string, files: string[]][] {
  return tables(section(SECURITY, heading))
    .flat()
    .map(([promise = '', tests = '']) => [
      promise,
      [...tests.matchAll(/\]\(([^)]+)\)/g)].map(([, file]) => file!),
    ]);
}

/** Whether the file, or one in the folder, has tests that run, or judges the answers of the soak. */
function holdsSomething(path: string): boolean {
  const full = join(ROOT, path);
  if (!existsSync(full)) return false;
  if (statSync(full).isDirectory()) {
    return readdirSync(full).some((name) => holdsSomething(join(path, name)));
  }
  if (path.startsWith('soak/')) return true;
  const source = readFileSync(full, 'utf8');
  return path.endsWith('.test.ts') && /^ *it(?:\.each)?[(<]/m.test(source);
}

describe.each([
  ['Guarantees, and their tests', 40],
  ['Under races and faults', 12],
])('each promise in SECURITY.md under "%s"', (heading, atLeast) => {
  const promises = promisesUnder(heading);

  it('is there', () => {
    expect(promises.length).toBeGreaterThanOrEqual(atLeast);
  });

  it.each(promises)('names tests that there are: %s', (_, files) => {
    expect(files).not.toEqual([]);
    expect(files.filter((file) => !holdsSomething(file))).toEqual([]);
  });
});
