import { spawnSync } from 'node:child_process';
import { describe, expect, it, jest } from '@jest/globals';
import { ROOT } from '../docs/project.ts';

// It compiles the declarations.
jest.setTimeout(120_000);

describe('the public API', () => {
  const check = () =>
    spawnSync(process.execPath, ['scripts/api.mjs', '--check'], { cwd: ROOT, encoding: 'utf8' });

  it('is what the files in api/ say', () => {
    const { stderr, status } = check();
    expect(stderr).toBe('');
    expect(status).toBe(0);
  });
});
