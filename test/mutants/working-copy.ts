import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdtempSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mutate, readSources, type Sources } from './edit.ts';
import type { Mutant } from './mutant.ts';

/** A copy of the project, with what is not committed yet, in a temporary folder. */
export class WorkingCopy {
  readonly folder = realpathSync(mkdtempSync(join(tmpdir(), 'nestjs-knox-mutants-')));
  readonly #sources: Sources;

  constructor() {
    const options = ['--cached', '--others', '--exclude-standard'];
    const files = execFileSync('git', ['ls-files', '-z', ...options], { encoding: 'utf8' });
    for (const file of files.split('\0')) {
      if (file !== '' && existsSync(file)) cpSync(file, join(this.folder, file));
    }
    symlinkSync(realpathSync('node_modules'), join(this.folder, 'node_modules'));
    this.#sources = readSources(this.folder);
  }

  /**
   * Does the work while the copy has the bug.
   *
   * @throws Error if a symbol or a pattern of the mutant is gone or ambiguous
   */
  async withMutant<T>(mutant: Mutant, work: () => Promise<T>): Promise<T> {
    const changed = mutate(this.#sources, mutant);
    try {
      for (const [path, text] of changed) writeFileSync(join(this.folder, path), text);
      return await work();
    } finally {
      for (const path of changed.keys()) {
        writeFileSync(join(this.folder, path), this.#sources.get(path) ?? '');
      }
    }
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
