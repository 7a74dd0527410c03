import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { compileFolder, ROOT } from '../docs/project.ts';

const ARGON2 = 'argon2$argon2id$v=19$m=64,t=1,p=1$c2Vhc2FsdHNlYXNhbHQ$FmhD207ZIk+Wiv4PvslTYQ';
const BCRYPT = 'bcrypt$$2a$04$cXawEjv9mWse3seo43gBVe7MCaWiX8QaydAAaIzwSDk9BAgc6FY56';

/** Prints the verdict on a password, or the error. */
const MAIN = `
import { verifyDjangoPassword } from './lib/django/django-password.js';
const [, , password, encoded] = process.argv;
const answer = await verifyDjangoPassword(password, encoded).catch(
  ({ name, code, message, cause }) => ({ name, code, message, cause: cause?.message }),
);
console.log(JSON.stringify(answer));
`;

/** The application has only the packages that the test installs. */
describe('the packages for argon2 and bcrypt', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'nestjs-knox-packages-'));
    for (const layer of ['lib/django', 'lib/errors', 'lib/options']) {
      compileFolder(join(ROOT, layer), join(folder, layer));
    }
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }');
    writeFileSync(join(folder, 'main.js'), MAIN);
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const installed = (name: string): string => {
    const target = join(folder, 'node_modules', name);
    mkdirSync(join(target, '..'), { recursive: true });
    return target;
  };
  const install = (name: string): void =>
    symlinkSync(join(ROOT, 'node_modules', name), installed(name));

  async function verify(password: string, encoded: string): Promise<unknown> {
    const args = [join(folder, 'main.js'), password, encoded];
    const { stdout } = await promisify(execFile)(process.execPath, args);
    return JSON.parse(stdout);
  }

  it('are named where none is installed', async () => {
    expect(await verify('hunter2', ARGON2)).toEqual({
      name: 'DjangoPasswordError',
      code: 'missing_package',
      message:
        'Django password hash (argon2): checking it needs a package that does not load here; ' +
        'install one of argon2, @node-rs/argon2, or pass it: ' +
        'verifyDjangoPassword(password, encoded, { argon2 }).',
    });
    expect(await verify('hunter2', BCRYPT)).toMatchObject({
      code: 'missing_package',
      message: expect.stringMatching(
        /^Django password hash \(bcrypt\): .* @node-rs\/bcrypt, bcryptjs, .*\{ bcrypt \}\)\.$/,
      ),
    });
  });

  it('are found where they are installed, whichever it is', async () => {
    install('@node-rs/argon2');
    install('bcryptjs');
    expect(await verify('pässwörd 🔑', ARGON2)).toBe(true);
    expect(await verify('hunter2', ARGON2)).toBe(false);
    expect(await verify('hunter2', BCRYPT)).toBe(true);
  });

  it('are taken whether they are modules or CommonJS', async () => {
    const target = installed('bcrypt');
    mkdirSync(target);
    // Node.js cannot detect the named exports of such a module.
    const source =
      'module.exports = new (class { compare() { return Promise.resolve(true); } })();';
    writeFileSync(join(target, 'index.js'), source);
    expect(await verify('anything', BCRYPT)).toBe(true);
  });

  it('are reported where one is installed and broken', async () => {
    const target = installed('argon2');
    mkdirSync(target);
    writeFileSync(join(target, 'index.js'), 'throw new Error("built for another Node");');
    expect(await verify('hunter2', ARGON2)).toMatchObject({
      code: 'missing_package',
      cause: 'built for another Node',
    });
    install('@node-rs/argon2');
    expect(await verify('pässwörd 🔑', ARGON2)).toBe(true);
  });
});
