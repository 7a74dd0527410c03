import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { codeBlocks, DOCUMENTS, readDocument } from './markdown.ts';
import { Project, ROOT } from './project.ts';

// Types are checked twice, and slowly where many tests run at once.
jest.setTimeout(240_000);

const FIRST_APP = 'docs/guide/first-app.md';
const TSC = createRequire(import.meta.url).resolve('typescript/bin/tsc');

/** What `nest new --strict` of @nestjs/cli 12 writes, without its test runner. */
const TSCONFIG = {
  compilerOptions: {
    module: 'nodenext',
    moduleResolution: 'nodenext',
    resolvePackageJsonExports: true,
    esModuleInterop: true,
    isolatedModules: true,
    emitDecoratorMetadata: true,
    experimentalDecorators: true,
    allowSyntheticDefaultImports: true,
    target: 'ES2023',
    rootDir: '.',
    skipLibCheck: true,
    strict: true,
    strictPropertyInitialization: false,
    types: ['node'],
    noEmit: true,
  },
  include: ['pages'],
};

/** The files that pages tell to make like those of the users, with a class and a login of other names. */
const COPIES = [
  ['Staff', 'Staff', 'username'],
  ['Member', 'Members', 'email'],
] as const;

function filesOf(document: string): Map<string, string> {
  const files = new Map<string, string>();
  for (const block of codeBlocks(readDocument(document), 'ts')) {
    const [, name] = /^\/\/ src\/(\S+)\n/.exec(block) ?? [];
    if (name !== undefined) files.set(name, block);
  }
  return files;
}

function copiesOf(files: Map<string, string>): Map<string, string> {
  const copies = new Map<string, string>();
  for (const [type, plural, login] of COPIES) {
    for (const kind of ['service', 'module']) {
      const code = files
        .get(`users.${kind}.ts`)!
        .replaceAll(/\bUsers(?=Service|Module)/g, plural)
        .replaceAll(/\busers\b/g, plural.toLowerCase())
        .replaceAll(/\bUser\b/g, type)
        .replaceAll(/\buser\b/g, type.toLowerCase())
        .replaceAll(/\busername\b/g, login)
        // Neither has the column.
        .replaceAll(', isActive: true', '');
      copies.set(`${plural.toLowerCase()}.${kind}.ts`, code);
    }
  }
  return copies;
}

/** What the first app has installed, and what every NestJS app has. */
const INSTALLED =
  /^(node:|nestjs-knox|@nestjs\/(common|core|passport|typeorm)$|typeorm$|rxjs$|@node-rs\/argon2$)/;

/** The packages that the files import. */
function packagesOf(files: Map<string, string>): string[] {
  const code = [...files.values()].join('\n');
  const imported = [...code.matchAll(/ from '([^'.][^']*)'/g)].map(([, name]) => name!);
  return [...new Set(imported)].filter((name) => !INSTALLED.test(name));
}

/** The documents that add files to those of the first app. */
const PAGES = DOCUMENTS.filter(
  (path) => path.startsWith('docs/') && path !== FIRST_APP && filesOf(path).size > 0,
);

/** Gives the installed package its declarations: see scripts/build.mjs. */
function declare(installed: string): void {
  const args = ['-p', 'tsconfig.esm.json', '--emitDeclarationOnly', '--outDir', installed];
  const { status, stdout } = spawnSync(process.execPath, [TSC, ...args], {
    cwd: ROOT,
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(stdout);
  for (const path of readdirSync(installed, { recursive: true, encoding: 'utf8' })) {
    if (!path.endsWith('.d.ts')) continue;
    const file = join(installed, path);
    const source = readFileSync(file, 'utf8');
    writeFileSync(file, source.replace(/((?:from|import)[ (]*'\.[^'\n]*)\.ts'/g, "$1.js'"));
  }
}

describe('the programs of the documents', () => {
  let project: Project;
  let errors: string[];
  beforeAll(() => {
    project = new Project();
    declare(join(project.folder, 'node_modules/nestjs-knox/dist/esm'));
    const users = filesOf(FIRST_APP);
    for (const page of [FIRST_APP, ...PAGES]) {
      const folder = join(project.folder, 'pages', page.replace('.md', ''));
      mkdirSync(folder, { recursive: true });
      const files = new Map([...users, ...copiesOf(users), ...filesOf(page)]);
      const imported = [...filesOf(page).values()].join('\n');
      for (const [name, code] of files) {
        // Only a page that asks for a copy has the class that it is for.
        const unasked = copiesOf(users).has(name) && !imported.includes(name.replace('.ts', '.js'));
        if (!unasked) writeFileSync(join(folder, name), code);
      }
    }
    writeFileSync(join(project.folder, 'tsconfig.json'), JSON.stringify(TSCONFIG));
    const { stdout } = spawnSync(process.execPath, [TSC, '-p', project.folder], {
      cwd: project.folder,
      encoding: 'utf8',
    });
    errors = stdout.split('\n').filter((line) => line !== '');
  });
  afterAll(() => project.remove());

  it('are found on many pages', () => {
    expect(PAGES.length).toBeGreaterThan(14);
  });

  it.each([FIRST_APP, ...PAGES])('have all their names in %s', (page) => {
    expect(errors.filter((line) => line.startsWith(`pages/${page.replace('.md', '/')}`))).toEqual(
      [],
    );
  });

  // Those who come from passport-jwt have it: that page tells when to uninstall it.
  it.each(PAGES)('have all their packages named in %s', (page) => {
    const commands = readDocument(page).match(/npm (un)?install [^`\n#]*/g) ?? [];
    const named = commands.flatMap((command) => command.split(' ')).map((word) => word.trim());
    const missing = packagesOf(filesOf(page)).filter((name) => !named.includes(name));
    expect(missing).toEqual([]);
  });

  it('compile with the options of a new NestJS application', () => {
    expect(errors).toEqual([]);
  });
});
