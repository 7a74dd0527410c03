import { Copy } from './working-copy.ts';
import type { Plant, Trial } from './mutant.ts';
import { PLANTS } from './mutants.ts';
import { endAll, run, type Outcome } from './check-runner.ts';

/**
 * Puts one bug after the other into a copy of the code, and demands that the tests notice each. With
 * words on the command line, those bugs only whose names have all of them.
 */
const words = process.argv.slice(2).map((word) => word.toLowerCase());
const chosen = PLANTS.filter(({ name }) =>
  words.every((word) => name.toLowerCase().includes(word)),
);

const copy = new Copy();
process.on('exit', () => {
  endAll();
  copy.remove();
});
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(130));

/** What the tests come to without any bug, run once: those that fail anyway prove nothing. */
const baselines = new Map<string, Promise<Outcome>>();

function baseline(trial: Trial): Promise<Outcome> {
  const key = JSON.stringify(trial);
  const known = baselines.get(key) ?? run(copy.folder, trial, null);
  baselines.set(key, known);
  return known;
}

/** What has noticed the bug. @throws Error that says why nothing is proven */
async function noticed({ edits, trial, expects }: Plant): Promise<readonly string[]> {
  // Before anything that takes long.
  await copy.edited(edits, () => Promise.resolve());
  const { invalid, failures } = await baseline(trial);
  if (invalid !== null) throw new Error(`without the bug, ${invalid}`);
  const anyway = failures.filter((failure) => expects.test(failure));
  if (anyway.length > 0) throw new Error(`fails without the bug: ${anyway.join('; ')}`);
  const outcome = await copy.edited(edits, () => run(copy.folder, trial, expects));
  if (outcome.invalid !== null) throw new Error(outcome.invalid);
  return outcome.failures.filter((failure) => expects.test(failure));
}

async function verdict(plant: Plant): Promise<{ isCaught: boolean; text: string }> {
  try {
    const [first, ...others] = await noticed(plant);
    if (first === undefined) return { isCaught: false, text: 'nothing failed' };
    return { isCaught: true, text: `${String(others.length + 1)} failed, first: ${first}` };
  } catch (error) {
    return { isCaught: false, text: (error as Error).message };
  }
}

let caught = 0;
for (const plant of chosen) {
  const begin = performance.now();
  const { isCaught, text } = await verdict(plant);
  if (isCaught) caught++;
  const seconds = Math.round((performance.now() - begin) / 1_000);
  const word = isCaught ? 'caught' : 'NOT CAUGHT';
  console.log(`${word}: ${plant.name} (${text}; ${String(seconds)} s)`);
}
console.log(`${String(caught)} caught, ${String(chosen.length - caught)} not caught`);
process.exit(caught === chosen.length && caught > 0 ? 0 : 1);
