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

const FIRST_APP = readDocument('docs/guide/first-app.md');
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

describe('a first app', () => {
  const files = new Map(
    codeBlocks(FIRST_APP, 'ts').map((block) => [FILE.exec(block)![1]!, block.replace(FILE, '')]),
  );
  let project: Project;
  beforeAll(() => {
    project = new Project();
  });
  afterAll(() => project.remove());

  it('is the sample, which is type-checked, with another main.ts', () => {
    const sample = join(ROOT, 'sample/01-quickstart/src');
    const same = [...files].filter(([name]) => name !== 'main.ts');
    expect(same).toHaveLength(5);
    for (const [name, code] of same) expect(code).toBe(readFileSync(join(sample, name), 'utf8'));
  });

  it('logs in, calls, and logs out with the lines shown', async () => {
    for (const [name, code] of files) project.add(name, code);
    const port = await freePort();
    project.start([], { PORT: String(port) });
    // NestJS logs that it has started before it listens.
    await pollUntil(true, () => isListening(port));

    const [shell] = codeBlocks(section(FIRST_APP, 'Quick start'), 'sh');
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
    expect(called.body).toMatchObject({ username: 'ada', token: TOKEN.slice(0, 15) });
    expect((await runCurl(logout!, { TOKEN })).status).toBe(204);
    expect((await runCurl(me!, { TOKEN })).status).toBe(401);
  });
});
