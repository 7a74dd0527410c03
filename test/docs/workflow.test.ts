import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { readDocument, section, tables } from './markdown.ts';
import { ROOT } from './project.ts';

const read = (path: string) => readFileSync(join(ROOT, path), 'utf8');
const WORKFLOW = read('.github/workflows/ci.yml');
const [SUPPORTED] = tables(section(readDocument('docs/supported.md'), 'What is supported'));

/** The jobs of the matrix, such as `{ node: '22', nestjs: '11', … }`. */
const JOBS = [...WORKFLOW.matchAll(/^ +- \{ (node: .*) \}$/gm)].map(([, values]) =>
  Object.fromEntries(values!.split(', ').map((value) => value.split(': ') as [string, string])),
);

/** The versions of the last column: [9, 10, 11] of 'better-sqlite3 9, 10 and 11; a remark'. */
function tested(what: string): number[] {
  const row = SUPPORTED!.find(([name]) => name!.includes(what))!;
  const [versions] = row.at(-1)!.split(';');
  return [...versions!.matchAll(/(?<![\w.])\d+(\.\d+)?/g)].map(([version]) => Number(version));
}

const ascending = (a: number, b: number) => a - b;
const inJobs = (name: string) => [...new Set(JOBS.map((job) => Number(job[name])))].sort(ascending);

describe('.github/workflows/ci.yml', () => {
  it.each([
    ['Node.js', 'node'],
    ['`@nestjs/common`', 'nestjs'],
    ['`@nestjs/typeorm`', 'nestjs'],
    ['`typeorm`', 'typeorm'],
    ['SQLite', 'sqlite'],
    ['PostgreSQL', 'postgres'],
  ])('tests the versions of %s that docs/supported.md calls tested', (what, name) => {
    expect(JOBS.length).toBeGreaterThan(1);
    expect(inJobs(name)).toEqual(tested(what).sort(ascending));
  });

  it('tests each version of Node.js with each of NestJS, but for Node.js 20 with NestJS 12', () => {
    const pairs = new Set(JOBS.map(({ node, nestjs }) => `${node!} ${nestjs!}`));
    expect([...pairs].sort()).toEqual([
      '20 11',
      '22 11',
      '22 12',
      '24 11',
      '24 12',
      '26 11',
      '26 12',
    ]);
  });

  it('runs all checks on each version of Node.js', () => {
    const [, nodes] = /^ +node: \[(.*)\]$/m.exec(WORKFLOW)!;
    expect(nodes!.split(', ').map(Number)).toEqual(tested('Node.js'));
  });
});

describe('.ci/run', () => {
  it('smokes each version of Node.js that has better-sqlite3 13', () => {
    const [, nodes] = /npm run test:smoke -- ((?:\d\d )+)/.exec(read('.ci/run'))!;
    expect(nodes!.trim().split(' ').map(Number)).toEqual(
      tested('Node.js').filter((node) => node > 20),
    );
  });
});
