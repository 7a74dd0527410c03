import { describe, expect, it } from '@jest/globals';
import { mutate, replaceBody, replaceIn, type Edit } from './edit.ts';

const SOURCES = new Map([
  [
    'lib/pool.ts',
    `export const MAX = 10;

export interface Pool {
  release(): void;
}

export class Semaphore {
  #free = MAX;

  acquire(): boolean {
    // Never below zero.
    return this.#free > 0 && take(
      this,
      'one',
    );
  }

  release = (): void => void this.#free++;
}

function take(..._: unknown[]): boolean {
  return true;
}
`,
  ],
  ['lib/dialect.ts', "export const dialect = () => ({ lock: (key) => 'lock ' + key, wait: 1 });\n"],
  ['lib/other.ts', 'export class Other {}\nfunction take(): void {}\n'],
]);

const mutated = (...edits: Edit[]) => Object.fromEntries(mutate(SOURCES, { name: 'Bug', edits }));

describe('mutate', () => {
  it('replaces what a pattern matches, whatever the formatting', () => {
    const { 'lib/pool.ts': text } = mutated(
      replaceIn('Semaphore.acquire', /take\(this, 'one'\)/, 'take($&)'),
    );
    expect(text).toContain(
      "acquire(): boolean { return this.#free > 0 && take(take(this, 'one')); }",
    );
  });

  it.each([
    [
      'Semaphore.acquire',
      'return false;',
      /acquire\(\): boolean \{ return false; \}\n\n {2}release/,
    ],
    ['Semaphore.release', 'this.#free--;', /release = \(\): void => \{ this\.#free--; \};\n\}/],
    ['Semaphore.#free', '1', /#free = 1;\n\n {2}acquire/],
    ['MAX', 'Infinity', /^export const MAX = Infinity;\n/],
  ])('replaces the body or the value of %s', (symbol, body, expected) => {
    expect(mutated(replaceBody(symbol, body))['lib/pool.ts']).toMatch(expected);
  });

  it('finds the properties of an object that a function returns', () => {
    const { 'lib/dialect.ts': text } = mutated(
      replaceIn('dialect.lock', /lock /, 'no lock '),
      replaceBody('dialect.wait', '2'),
    );
    expect(text).toBe(
      "export const dialect = () => ({ lock: (key) => 'no lock ' + key, wait: 2 });\n",
    );
  });

  it('replaces each match where the pattern says so', () => {
    const { 'lib/pool.ts': text } = mutated(replaceIn('Semaphore', /this\.#free/g, 'this.#used'));
    expect(text).toMatch(/this\.#used > 0[^]*this\.#used\+\+/);
  });

  it.each([
    ['a symbol that is gone', replaceBody('Semaphore.enter', ''), 'Semaphore.enter 0 times'],
    ['a type', replaceBody('Pool.release', ''), 'Pool.release 0 times'],
    [
      'two symbols',
      replaceBody('take', ''),
      'take 2 times, not once: in lib/pool.ts, lib/other.ts',
    ],
    ['a class, as if it had a body', replaceBody('Other', ''), 'Other has no body and no value'],
    [
      'a pattern that is gone',
      replaceIn('MAX', /11/, ''),
      '/11/ matches 0 times, not once, in MAX',
    ],
    ['a comment', replaceIn('Semaphore.acquire', /below/, ''), '/below/ matches 0 times'],
    ['two matches', replaceIn('Semaphore', /this\.#free/, ''), '/this\\.#free/ matches 2 times'],
  ])('refuses %s, and names the mutant', (_, edit, message) => {
    expect(() => mutated(edit)).toThrow(`Mutant "Bug": `);
    expect(() => mutated(edit)).toThrow(message);
  });
});
