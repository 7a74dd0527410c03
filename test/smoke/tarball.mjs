import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const docs = fileURLToPath(new URL('../../docs', import.meta.url));
/** The pages of docs/, without those of the API, which are made of the declarations that the tarball holds. */
const PAGES = readdirSync(docs, { recursive: true })
  .filter((name) => name.endsWith('.md') && !name.startsWith('reference/api/'))
  .map((name) => `docs/${name}`);

const DOCUMENTS = ['CHANGELOG.md', 'LICENSE', 'README.md', 'SECURITY.md', ...PAGES, 'package.json'];
const ALLOWED = [
  ...DOCUMENTS.map((name) => new RegExp(`^${name.replace('.', '\\.')}$`)),
  /^dist\/(esm|cjs)\/package\.json$/,
  /^dist\/(esm|cjs)\/([a-z0-9-]+\/)*[a-z0-9.-]+\.(js|d\.ts)$/,
];

/** What the packed tarball, unpacked at `root`, may hold, must hold and may import. */
export function checkTarball(root, files, check) {
  const strangers = files.filter((file) => !ALLOWED.some((pattern) => pattern.test(file)));
  check('the tarball holds nothing else', strangers.length === 0, strangers);
  const missing = DOCUMENTS.filter((name) => !files.includes(name));
  check('the tarball holds its documents', missing.length === 0, missing);

  const modules = (format) =>
    files.filter((file) => file.startsWith(`dist/${format}/`)).map((file) => file.slice(9));
  const [esm, cjs] = [modules('esm'), modules('cjs')];
  check('both builds hold the same modules', esm.length > 2 && `${esm}` === `${cjs}`, { esm, cjs });

  const { dependencies, peerDependencies } = JSON.parse(readFileSync(join(root, 'package.json')));
  const peers = Object.keys(peerDependencies);
  const declared = [...Object.keys(dependencies), ...peers];
  const unresolved = files
    .filter((file) => /\.(js|d\.ts)$/.test(file))
    .flatMap((file) => importsOf(join(root, file)).map((specifier) => [file, specifier]))
    // An application has its peers' types, and need not have those of a dependency.
    .filter(([file, specifier]) => {
      const packages = file.endsWith('.d.ts') ? peers : declared;
      return !resolves(join(root, file), specifier, packages);
    });
  check(
    'its imports lead to its own files or to a dependency',
    unresolved.length === 0,
    unresolved,
  );
}

function importsOf(path) {
  const code = readFileSync(path, 'utf8').replace(/\/\*[^]*?\*\/|^\s*\/\/.*$/gm, '');
  return [...code.matchAll(/(?:\bfrom|\bimport|\brequire)\s*\(?\s*['"]([^'"\n]+)['"]/g)].map(
    ([, specifier]) => specifier,
  );
}

function resolves(path, specifier, declared) {
  if (specifier.startsWith('.')) {
    const target = join(dirname(path), specifier);
    if (!target.endsWith('.js')) return false;
    return existsSync(path.endsWith('.d.ts') ? target.replace(/\.js$/, '.d.ts') : target);
  }
  if (builtinModules.includes(specifier.replace(/^node:/, '')))
    return specifier.startsWith('node:');
  return declared.some((name) => specifier === name || specifier.startsWith(`${name}/`));
}
