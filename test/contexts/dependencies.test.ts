import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';

const ROOT = join(import.meta.dirname, '../..');
const SPECIFIER = /(?:\bfrom|\bimport|\brequire\()\s*\(?\s*['"]([^'"]+)['"]/g;

/** The packages that the sources import, also for types only. */
function importedPackages(): string[] {
  const files = readdirSync(join(ROOT, 'lib'), { recursive: true, encoding: 'utf8' });
  const specifiers = files
    .filter((file) => file.endsWith('.ts'))
    .flatMap((file) => [...readFileSync(join(ROOT, 'lib', file), 'utf8').matchAll(SPECIFIER)])
    .map((match) => match[1] as string)
    .filter((specifier) => !specifier.startsWith('.') && !specifier.startsWith('node:'));
  const parts = (specifier: string) => specifier.split('/', specifier.startsWith('@') ? 2 : 1);
  return [...new Set(specifiers.map((specifier) => parts(specifier).join('/')))].sort();
}

describe('the sources', () => {
  const { dependencies, peerDependencies, peerDependenciesMeta } = JSON.parse(
    readFileSync(join(ROOT, 'package.json'), 'utf8'),
  ) as Record<string, Record<string, unknown>>;
  const imported = importedPackages();

  it('import only what an application that installs the package has', () => {
    const optional = Object.keys(peerDependenciesMeta ?? {});
    const there = Object.keys({ ...dependencies, ...peerDependencies }).filter(
      (name) => !optional.includes(name),
    );
    expect(imported.filter((name) => !there.includes(name))).toEqual([]);
    expect(imported).toContain('@nestjs/common');
  });

  it('import neither GraphQL nor WebSockets nor an adapter', () => {
    const foreign = /graphql|apollo|websockets|socket|^ws$|platform-|event-emitter|express|fastify/;
    expect(imported.filter((name) => foreign.test(name))).toEqual([]);
  });

  it('name Node’s own modules with node:', () => {
    expect(imported.filter((name) => builtinModules.includes(name))).toEqual([]);
  });
});
