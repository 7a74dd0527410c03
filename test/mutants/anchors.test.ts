import { existsSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import ts from 'typescript';
import { mutate, readSources } from './edit.ts';
import { MUTANTS } from './mutants.ts';
import { unmatchedAlternatives } from './titles.ts';

const sources = readSources();

const TESTED = MUTANTS.flatMap(({ name, check, killedBy }) =>
  'tests' in check ? [{ name, tests: check.tests, killedBy }] : [],
);

/** Codes of "Cannot find name", without and with a suggestion, and of a shorthand property. */
const CANNOT_FIND_NAME = [2304, 2552, 18004];

/** Codes below are errors of syntax, also of those that only the checker finds. */
const FIRST_TYPE_ERROR = 2000;

/** Syntax errors, names that the file does not declare, and members that its classes do not have. */
function diagnose(path: string, text: string): { syntaxErrors: unknown[]; unknownNames: string[] } {
  const file = ts.createSourceFile(path, text, ts.ScriptTarget.ES2022, true);
  const options = { noLib: true, noResolve: true, types: [], experimentalDecorators: true };
  const host = ts.createCompilerHost(options);
  host.getSourceFile = (name) => (name === path ? file : undefined);
  const program = ts.createProgram({ rootNames: [path], options, host });
  const diagnostics = program.getSemanticDiagnostics(file);
  const syntaxErrors = [
    ...program.getSyntacticDiagnostics(file),
    ...diagnostics.filter(({ code }) => code < FIRST_TYPE_ERROR),
  ].map(({ messageText }) => messageText);
  const unknownNames = diagnostics.flatMap((diagnostic) => {
    const { code, start = 0, length = 0 } = diagnostic;
    const name = text.slice(start, start + length);
    // The types of other objects are unknown here.
    const isMember = text.slice(0, start).endsWith('this.');
    return isMember || (CANNOT_FIND_NAME.includes(code) && !(name in globalThis)) ? [name] : [];
  });
  return { syntaxErrors, unknownNames };
}

/** Names that are unknown in the original file too, such as those of types of the language. */
const unknownBefore = new Map<string, string[]>();

function unknownNamesOf(path: string): string[] {
  const names = unknownBefore.get(path) ?? diagnose(path, sources.get(path)!).unknownNames;
  unknownBefore.set(path, names);
  return names;
}

describe('The mutant', () => {
  it.each(MUTANTS)('"$name" fits the code of lib', (mutant) => {
    const changed = mutate(sources, mutant);
    expect(changed.size).toBeGreaterThan(0);
    for (const [path, text] of changed) {
      expect(text).not.toBe(sources.get(path));
      const { syntaxErrors, unknownNames } = diagnose(path, text);
      const known = unknownNamesOf(path);
      const newNames = unknownNames.filter((name) => !known.includes(name));
      expect({ syntaxErrors, newNames }).toEqual({ syntaxErrors: [], newNames: [] });
    }
  });

  it.each(TESTED)('"$name" is killed by tests that exist', ({ tests, killedBy }) => {
    const missingFiles = tests.filter((file) => !existsSync(file));
    expect(missingFiles).toEqual([]);
    const missingTitles = tests
      .map((file) => unmatchedAlternatives(file, killedBy))
      .reduce((left, right) => left.filter((alternative) => right.includes(alternative)));
    expect(missingTitles).toEqual([]);
  });
});
