import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { ROOT } from '../docs/project.ts';

jest.setTimeout(60_000);

const ADDRESS = 'https://github.com/someone/somewhere';

let folder: string;

const read = (path: string) => readFileSync(join(folder, path), 'utf8');
const write = (path: string, text: string) => writeFileSync(join(folder, path), text);
const run = (...args: string[]) =>
  spawnSync(process.execPath, args, { cwd: folder, encoding: 'utf8' });
const setAddress = (...args: string[]) => run(join(ROOT, 'scripts/address.mjs'), ...args);
const check = (tag = 'v0.1.0') => {
  const { status, stderr } = run(join(ROOT, 'scripts/check-release.mjs'), tag);
  return { status, problems: stderr.split('\n').filter((line) => line !== '') };
};

/** A repository that is ready for its release, but for what a test takes away. */
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'nestjs-knox-release-'));
  for (const path of ['package.json', '.changeset']) {
    cpSync(join(ROOT, path), join(folder, path), { recursive: true });
  }
  for (const file of readdirSync(join(folder, '.changeset'))) {
    if (file.endsWith('.md') && file !== 'README.md') rmSync(join(folder, '.changeset', file));
  }
  mkdirSync(join(folder, '.github'));
  const unset = { repository: undefined, homepage: undefined, bugs: undefined };
  const manifest = { ...JSON.parse(read('package.json')), ...unset, version: '0.1.0' };
  write('package.json', JSON.stringify(manifest));
  write('CHANGELOG.md', '# Changelog\n\n## [0.1.0] - 2031-05-06\n\n- All of it.\n');
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('a release', () => {
  it('is refused until the address is set', () => {
    const { status, problems } = check();
    expect(status).toBe(1);
    expect(problems).toEqual([expect.stringContaining('The address is not set.')]);
    expect(setAddress(ADDRESS).status).toBe(0);
    expect(check()).toEqual({ status: 0, problems: [] });
  });

  it('has one address in all places', () => {
    setAddress(ADDRESS);
    expect(JSON.parse(read('package.json'))).toMatchObject({
      homepage: `${ADDRESS}#readme`,
      bugs: `${ADDRESS}/issues`,
      repository: { type: 'git', url: `git+${ADDRESS}.git` },
    });
    expect(read('.github/CODEOWNERS')).toBe('* @someone\n');
    write(
      'package.json',
      JSON.stringify({ ...JSON.parse(read('package.json')), homepage: 'https://example.org' }),
    );
    rmSync(join(folder, '.github/CODEOWNERS'));
    expect(check().problems).toEqual([
      expect.stringContaining('"homepage" of package.json is not that of'),
      expect.stringContaining('.github/CODEOWNERS is not that of'),
    ]);
  });

  it.each([[], ['someone/somewhere'], [`${ADDRESS}.git`], [`${ADDRESS}/`]])(
    'takes no other form of address: %s',
    (...args: string[]) => {
      const { status, stderr } = setAddress(...args);
      expect(status).toBe(1);
      expect(stderr).toContain('Expected https://github.com/<owner>/<name>');
      expect(JSON.parse(read('package.json')).repository).toBeUndefined();
    },
  );

  it('is refused with the tag of another version', () => {
    setAddress(ADDRESS);
    expect(check('v0.2.0').problems).toEqual(['The tag is v0.2.0, and the version 0.1.0.']);
  });

  it.each([
    ['## [0.1.0] - unreleased', 'CHANGELOG.md calls 0.1.0 unreleased.'],
    ['## 0.1.01', 'CHANGELOG.md has no heading "## 0.1.0".'],
  ])('is refused with the heading %s', (heading, problem) => {
    setAddress(ADDRESS);
    write('CHANGELOG.md', `# Changelog\n\n${heading}\n`);
    expect(check().problems).toEqual([problem]);
  });

  it('is refused without provenance', () => {
    setAddress(ADDRESS);
    const { publishConfig, ...rest } = JSON.parse(read('package.json'));
    write(
      'package.json',
      JSON.stringify({ ...rest, publishConfig: { ...publishConfig, provenance: false } }),
    );
    expect(check().problems).toEqual([expect.stringContaining('"provenance": true')]);
  });

  it('collects the changesets, and is refused while some are left', () => {
    setAddress(ADDRESS);
    write('.changeset/new.md', '---\n"nestjs-knox": minor\n---\n\nTokens can sing.\n\nIn tune.\n');
    expect(check().problems).toEqual([expect.stringContaining('Changesets are left')]);
    symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
    spawnSync('git', ['init', '-q'], { cwd: folder });
    const { stderr } = run('node_modules/@changesets/cli/bin.js', 'version');
    expect(stderr).toBe('');
    expect(read('CHANGELOG.md')).toContain(
      '## 0.2.0\n\n### Minor Changes\n\n- Tokens can sing.\n\n  In tune.\n\n## [0.1.0] - 2031-05-06\n',
    );
    expect(check('v0.2.0')).toEqual({ status: 0, problems: [] });
  });
});

describe('a workflow', () => {
  const workflows = join(ROOT, '.github/workflows');

  it.each(readdirSync(workflows))('names each action by its commit: %s', (file) => {
    const text = readFileSync(join(workflows, file), 'utf8');
    const used = [...text.matchAll(/uses: (.*)/g)].map(([, action]) => action!);
    expect(used.length).toBeGreaterThan(0);
    const pinned = /^[\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/;
    expect(used.filter((action) => !pinned.test(action))).toEqual([]);
  });

  it('publishes nothing before the release was checked', () => {
    const text = readFileSync(join(workflows, 'release.yml'), 'utf8');
    const [checked, published] = ['scripts/check-release.mjs', 'npm publish\n'].map((step) =>
      text.indexOf(step),
    );
    expect(checked).toBeGreaterThan(0);
    expect(published).toBeGreaterThan(checked!);
  });
});
