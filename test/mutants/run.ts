import { CRASH, killAll, runCheck, type Outcome } from './check-runner.ts';
import type { Check, Mutant } from './mutant.ts';
import { MUTANTS } from './mutants.ts';
import { WorkingCopy } from './working-copy.ts';

/**
 * Puts one bug after the other into a copy of the code, and demands that its tests fail. With words on
 * the command line, only those bugs whose names contain all of them.
 */
const words = process.argv.slice(2).map((word) => word.toLowerCase());
const chosen = MUTANTS.filter(({ name }) =>
  words.every((word) => name.toLowerCase().includes(word)),
);

const copy = new WorkingCopy();
process.on('exit', () => {
  killAll();
  copy.remove();
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));

const keyOf = (check: Check): string => JSON.stringify(check);

/** The outcomes without any bug: a test that fails anyway proves nothing. */
const baselines = new Map<string, Promise<Outcome>>();

/** Runs each check once, and of its tests those that any of its mutants needs. */
function baseline(check: Check): Promise<Outcome> {
  const key = keyOf(check);
  const patterns = chosen
    .filter((mutant) => keyOf(mutant.check) === key)
    .map(({ killedBy }) => killedBy.source);
  const known = baselines.get(key) ?? runCheck(copy.folder, check, new RegExp(patterns.join('|')));
  baselines.set(key, known);
  return known;
}

/** The failures that the bug has caused. @throws Error that says why the check proves nothing */
async function failuresOf(mutant: Mutant): Promise<readonly string[]> {
  const { check, killedBy } = mutant;
  // A mutant that no longer fits the code fails before anything that takes long.
  await copy.withMutant(mutant, () => Promise.resolve());
  const { invalid, failures } = await baseline(check);
  if (invalid !== null) throw new Error(`without the bug, ${invalid}`);
  const expected = failures.filter((failure) => killedBy.test(failure));
  if (expected.length > 0) throw new Error(`fails without the bug: ${expected.join('; ')}`);
  const outcome = await copy.withMutant(mutant, () => runCheck(copy.folder, check, killedBy));
  if (outcome.invalid !== null) throw new Error(outcome.invalid);
  return outcome.failures.filter((failure) => failure === CRASH || killedBy.test(failure));
}

async function judge(mutant: Mutant): Promise<string> {
  try {
    const [first, ...others] = await failuresOf(mutant);
    if (first === undefined) return 'SURVIVED: no test failed';
    return `killed: ${String(others.length + 1)} failed, first: ${first}`;
  } catch (error) {
    return `NOT TESTED: ${(error as Error).message}`;
  }
}

const problems: string[] = [];
for (const mutant of chosen) {
  const begin = performance.now();
  const verdict = await judge(mutant);
  const seconds = Math.round((performance.now() - begin) / 1_000);
  console.log(`${mutant.name}\n  ${verdict} (${String(seconds)} s)`);
  if (!verdict.startsWith('killed')) problems.push(`${mutant.name}\n  ${verdict}`);
}
console.log(`\n${String(chosen.length - problems.length)} of ${String(chosen.length)} killed`);
if (problems.length > 0) console.log(`Not killed:\n${problems.join('\n')}`);
process.exit(chosen.length > 0 && problems.length === 0 ? 0 : 1);
