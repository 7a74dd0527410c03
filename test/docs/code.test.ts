import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals';
import { runCurl } from './curl.ts';
import { codeBlocks, DOCUMENTS, readDocument, section } from './markdown.ts';
import { pollUntil } from '../support/polling.ts';
import { freePort, isListening } from '../support/ports.ts';
import { Project, ROOT } from './project.ts';

// Processes start slowly where many tests run at once.
jest.setTimeout(30_000);

const BLOCKS = DOCUMENTS.flatMap((document) => codeBlocks(readDocument(document), 'ts'));
const FILE = /^\/\/ src\/(\S+)\n/;

/** What the recipes show: the regions of one name, in the order of the file. */
function recipes(): Map<string, string> {
  const folder = join(ROOT, 'test/docs/recipes');
  const found = new Map<string, string>();
  for (const file of readdirSync(folder)) {
    const source = readFileSync(join(folder, file), 'utf8');
    const regions = source.matchAll(/^ *\/\/ #region (\S+)\n(.*?)^ *\/\/ #endregion$/gms);
    for (const [, name, body] of regions) {
      const before = found.get(name!);
      found.set(name!, (before === undefined ? '' : `${before}\n`) + dedented(body!));
    }
  }
  return found;
}

function dedented(text: string): string {
  const indent = /^ */.exec(text)![0];
  return text.replaceAll(new RegExp(`^${indent}`, 'gm'), '');
}

describe('the code in the documents', () => {
  it('is a file of a first app or a region of a recipe, to the letter', () => {
    const known = new Set(recipes().values());
    const blocks = BLOCKS.filter((block) => !FILE.test(block));
    expect(blocks.length).toBeGreaterThan(30);
    expect(blocks.filter((block) => !known.has(block))).toEqual([]);
  });

  it('shows every recipe', () => {
    const shown = new Set(BLOCKS);
    const missing = [...recipes()].filter(([, code]) => !shown.has(code)).map(([name]) => name);
    expect(missing).toEqual([]);
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
    codeBlocks(text, 'ts').map((block) => [FILE.exec(block)![1]!, block.replace(FILE, '')]),
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
