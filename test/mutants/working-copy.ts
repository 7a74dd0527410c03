import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Edit } from './mutant.ts';

/** A copy of the project, as it stands here, in a temporary folder. */
export class Copy {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'nestjs-knox-mutants-')));

  constructor() {
    const files = execFileSync('git', ['ls-files', '-z'], { encoding: 'utf8' });
    for (const file of files.split('\0')) {
      if (file !== '' && existsSync(file)) cpSync(file, join(this.folder, file));
    }
    symlinkSync(realpathSync('node_modules'), join(this.folder, 'node_modules'));
  }

  /**
   * Does the work while the edits are made.
   *
   * @throws Error if a snippet is not there exactly once: the code has changed, and the plant has not
   */
  async edited<T>(edits: readonly Edit[], work: () => Promise<T>): Promise<T> {
    const originals = new Map<string, string>();
    try {
      for (const { file, find, replace } of edits) {
        const path = join(this.folder, file);
        const text = readFileSync(path, 'utf8');
        if (!originals.has(path)) originals.set(path, text);
        const parts = text.split(find);
        if (parts.length !== 2) {
          const times = `${String(parts.length - 1)} times, not once`;
          throw new Error(`${file} has this ${times}: ${find.trim()}`);
        }
        writeFileSync(path, parts.join(replace));
      }
      return await work();
    } finally {
      for (const [path, text] of originals) writeFileSync(path, text);
    }
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
