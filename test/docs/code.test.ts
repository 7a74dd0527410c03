import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { runCurl } from './curl.ts';
import { codeBlocks, DOCUMENTS, readDocument, section } from './markdown.ts';
import { pollUntil } from '../support/polling.ts';
import { freePort, isListening } from '../support/ports.ts';
import { Project, ROOT } from './project.ts';

// Processes start slowly where many tests run at once.
jest.setTimeout(30_000);

const BLOCKS = DOCUMENTS.flatMap((document) => codeBlocks(readDocument(document), 'ts'));
const RECIPES = join(ROOT, 'test/docs/recipes');

/** Stand for files of the first app, or for such that a page tells to make like these. */
const STAND_INS = /^(roles\/users\.service|user\.entity|users\.|members\.|staff\.(service|module))/;

/** The one block that is part of a file. */
const PART = 'useFactory: ';

/** A recipe as the documents show it: with its name, and with the imports of an ES module. */
function shown(path: string): string {
  const source = readFileSync(join(RECIPES, path), 'utf8')
    .replaceAll('../../../sample/01-quickstart/src/', './')
    .replaceAll(/(from '\.[^']*)\.ts'/g, "$1.js'");
  const folder = path.endsWith('.mjs') ? '' : 'src/';
  return `// ${folder}${basename(path)}\n${source}`;
}

/** What stands in the region of a file, without its indent. */
function region(path: string): string {
  const source = readFileSync(join(RECIPES, path), 'utf8');
  const body = /^ *\/\/ #region\n(.*?)^ *\/\/ #endregion$/ms.exec(source)![1]!;
  return body.replaceAll(new RegExp(`^${/^ */.exec(body)![0]}`, 'gm'), '');
}

const recipes = readdirSync(RECIPES, { recursive: true, encoding: 'utf8' }).filter(
  (path) => /\.m?[jt]s$/.test(path) && !STAND_INS.test(path) && path !== 'django/form-login.ts',
);

describe('the code in the documents', () => {
  it('is a file of a first app or a recipe, to the letter', () => {
    const known = new Set(recipes.map(shown));
    const ours = ['README.md', 'docs/guide/first-app.md'];
    const firstApps = ours.flatMap((document) => codeBlocks(readDocument(document), 'ts'));
    const blocks = BLOCKS.filter((block) => !firstApps.includes(block) && !block.startsWith(PART));
    expect(blocks.length).toBeGreaterThan(40);
    expect(blocks.filter((block) => !known.has(block))).toEqual([]);
  });

  it('shows every recipe', () => {
    const blocks = new Set(BLOCKS);
    expect(recipes.filter((path) => !blocks.has(shown(path)))).toEqual([]);
  });

  it('has one block that is part of a file', () => {
    expect(BLOCKS.filter((block) => block.startsWith(PART))).toEqual([
      region('django/form-login.ts'),
    ]);
  });
});

describe.each([
  ['README.md', 'sample/00-one-file/src', 1, () => ({ username: 'ada' })],
  // Its main.ts is that of the sample without the tour.
  [
    'docs/guide/first-app.md',
    'sample/01-quickstart/src',
    5,
    (token: string) => ({ username: 'ada', token: token.slice(0, 15) }),
  ],
])('the quick start of %s', (document, sample, count, answerOf) => {
  const text = readDocument(document);
  const files = new Map(
    codeBlocks(text, 'ts').map((block) => {
      const [line, name] = /^\/\/ src\/(\S+)\n/.exec(block)!;
      return [name!, block.slice(line.length)];
    }),
  );
  let project: Project;
  beforeAll(() => {
    project = new Project();
  });
  afterAll(() => project.remove());

  it('is a sample, which is type-checked', () => {
    const same = [...files].filter(([name]) => name !== 'main.ts' || files.size === 1);
    expect(same).toHaveLength(count);
    for (const [name, code] of same) {
      expect(code).toBe(readFileSync(join(ROOT, sample, name), 'utf8'));
    }
  });

  it('logs in, calls, and logs out with the lines shown', async () => {
    for (const [name, code] of files) project.add(name, code);
    const port = await freePort();
    project.start([], { PORT: String(port) });
    // NestJS logs that it has started before it listens.
    await pollUntil(true, () => isListening(port));

    const [shell] = codeBlocks(section(text, 'Quick start'), 'sh');
    const [login, me, logout] = shell!
      .replaceAll('localhost:3000', `127.0.0.1:${String(port)}`)
      .split('\n')
      .filter((line) => line.startsWith('curl'));
    const [shownLogin, shownMe] = shell!.split('\n').filter((line) => line.startsWith('# {'));
    const keys = (shown: string) => Object.keys(JSON.parse(shown.slice(2)) as object);

    const loggedIn = await runCurl(login!);
    expect(loggedIn.status).toBe(200);
    expect(Object.keys(loggedIn.body)).toEqual(keys(shownLogin!));
    const TOKEN = loggedIn.body.token as string;
    const called = await runCurl(me!, { TOKEN });
    expect(called.status).toBe(200);
    expect(Object.keys(called.body)).toEqual(keys(shownMe!));
    expect(called.body).toMatchObject(answerOf(TOKEN));
    expect((await runCurl(logout!, { TOKEN })).status).toBe(204);
    expect((await runCurl(me!, { TOKEN })).status).toBe(401);
  });
});

it('README.md and docs/guide/first-app.md install the same', () => {
  const [first, second] = ['README.md', 'docs/guide/first-app.md'].map((document) =>
    codeBlocks(section(readDocument(document), 'Install'), 'sh'),
  );
  expect(first).toHaveLength(2);
  expect(second).toEqual(first);
});
