import { appendFileSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { check, run, runWith, section } from './report.mjs';
import { serve } from './server.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));
const root = join(here, '../..');
/** The documents with a quick start, and both with the same commands to install the package. */
const [README, FIRST_APP] = ['README.md', 'docs/guide/first-app.md'].map((path) =>
  readFileSync(join(root, path), 'utf8'),
);

/** Package managers that run no install script unless it is allowed, and README's block of commands for each. */
const MANAGERS = [
  ['npm@12', 'npm install '],
  ['pnpm@12', 'pnpm add '],
];

/** Follows both quick starts to the letter, but for the tarball in place of the package's name. */
export async function followQuickStart({ node, work, tarball }) {
  for (const [manager, command] of MANAGERS) {
    await section(`the quick start with ${manager}`, async () => {
      const app = join(work, `quick-start-${manager}`);
      cpSync(join(here, 'quick-start'), app, { recursive: true });
      const env = environment(node, manager, work);
      const commands = installCommands(command).replace('nestjs-knox ', `${tarball} `);
      runWith(env, app, 'sh', '-ec', commands);
      check('its commands', true);
      for (const [name, text] of Object.entries({ README, FIRST_APP })) {
        writeFiles(app, text);
        run(app, node, 'node_modules/typescript/bin/tsc');
        check(`${name}: its files compile`, true);
        await serve(app, node, name, useQuickStart);
      }
    });
  }
}

/** Puts the package manager and the Node.js named before others of this machine. */
function environment(node, manager, work) {
  const folder = join(work, manager);
  mkdirSync(folder);
  run(folder, 'npm', 'install', '--prefix', folder, '--no-audit', '--no-fund', manager);
  const path = [join(folder, 'node_modules/.bin'), dirname(node), process.env.PATH];
  return { ...process.env, CI: 'true', PATH: path.join(delimiter) };
}

function installCommands(command) {
  const install = README.slice(
    README.indexOf('\n## Install\n'),
    README.indexOf('\n## Quick start\n'),
  );
  const blocks = [...install.matchAll(/^```sh\n(.*?)^```$/gms)].map(([, block]) => block);
  return blocks.find((block) => block.startsWith(command));
}

function writeFiles(app, text) {
  for (const folder of ['src', 'dist']) rmSync(join(app, folder), { recursive: true, force: true });
  mkdirSync(join(app, 'src'));
  for (const [, name, source] of text.matchAll(/^```ts\n\/\/ (src\/\S+)\n(.*?)^```$/gms)) {
    writeFileSync(join(app, name), source);
  }
  appendFileSync(join(app, 'src/main.ts'), 'console.log(`listening on ${await app.getUrl()}`);\n');
  cpSync(join(root, 'sample/01-quickstart/tsconfig.build.json'), join(app, 'tsconfig.json'));
}

async function useQuickStart(url) {
  const login = await fetch(`${url}/auth/login`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ username: 'ada', password: 'correct horse' }),
  });
  check('login: 200', login.status === 200, login.status);
  const { token } = await login.json();
  const headers = { authorization: `Token ${token}` };
  const me = await fetch(`${url}/me`, { headers });
  const { username } = await me.json();
  check('me: 200', me.status === 200 && username === 'ada', [me.status, username]);
  const logout = await fetch(`${url}/auth/logout`, { method: 'POST', headers });
  check('logout: 204', logout.status === 204, logout.status);
  const after = await fetch(`${url}/me`, { headers });
  check('… then 401', after.status === 401, after.status);
}
