import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import type * as Package from '../../lib/index.ts';
import { AuthToken, KnoxConfigError } from '../../lib/index.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import {
  closeModules,
  knox,
  memoryDatabase,
  startError,
  startModule,
  verifyCredentials,
} from '../support/test-module.ts';
import { User } from '../support/users.ts';

describe('A second copy of the package in one process', () => {
  let folder: string;
  let other: typeof Package;
  beforeAll(async () => {
    // In the repository, where it finds the same dependencies.
    folder = mkdtempSync(join(process.cwd(), 'coverage-copy-'));
    cpSync('lib', folder, { recursive: true });
    other = (await import(pathToFileURL(join(folder, 'index.ts')).href)) as typeof Package;
  });
  afterEach(closeModules);
  afterAll(() => rmSync(folder, { recursive: true }));

  it('is another one', () => {
    expect(other.KnoxModule.name).toBe('KnoxModule');
    expect(other.AuthToken).not.toBe(AuthToken);
  });

  it('is reported at the start', async () => {
    const logs = new LogRecorder();
    await startModule({ imports: [memoryDatabase(), knox()] }, logs);
    const warnings = logs.lines.filter(({ level }) => level === 'warn');
    expect(warnings.map(({ message }) => message)).toEqual([
      expect.stringMatching(
        /^2 copies of nestjs-knox are loaded in this process\. .*; load one: by/,
      ),
    ]);
  });

  it('stops the start with its KnoxModule beside the other', async () => {
    const second = other.KnoxModule.forRoot({ verifyCredentials });
    const error = await startError({ imports: [memoryDatabase(), knox(), second] });
    expect(error.name).toBe('KnoxConfigError');
    expect(error.message).toMatch(
      /option "imports": KnoxModule is imported from several copies of nestjs-knox; load one: by/,
    );
  });

  it('stops the start with its token entity', async () => {
    const error = await startError({
      imports: [memoryDatabase(), knox({ tokenEntity: other.AuthToken })],
    });
    expect(error).toBeInstanceOf(KnoxConfigError);
    expect(error.message).toMatch(
      /option "tokenEntity": expected a class that extends AbstractAuthToken; got one of another copy of nestjs-knox; load/,
    );
  });

  it('stops the start where the data source has its AuthToken', async () => {
    const error = await startError({
      imports: [memoryDatabase({ entities: [User, other.AuthToken] }), knox()],
    });
    expect(error).toBeInstanceOf(KnoxConfigError);
    expect(error.message).toMatch(/does not know AuthToken; .* of another copy of nestjs-knox/);
  });
});
