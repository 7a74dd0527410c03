import { execFileSync } from 'node:child_process';
import { performance } from 'node:perf_hooks';

/** How many checks held. */
export const counts = { passed: 0, failed: 0 };

export function check(name, holds, evidence) {
  if (holds) counts.passed += 1;
  else counts.failed += 1;
  console.log(holds ? `  ok      ${name}` : `  FAILED  ${name}: ${JSON.stringify(evidence)}`);
}

/** Whether the steps came to their end: the first that throws is counted, those after it are left out. */
export async function section(name, steps) {
  console.log(`\n${name}`);
  const start = performance.now();
  try {
    await steps();
    return true;
  } catch (error) {
    check(error.command ?? name, false, error.message);
    return false;
  } finally {
    console.log(`  ${((performance.now() - start) / 1000).toFixed(1)} s`);
  }
}

/** Runs to its end, silent unless it fails. */
export function run(cwd, ...command) {
  return runWith(process.env, cwd, ...command);
}

export function runWith(env, cwd, file, ...args) {
  try {
    return execFileSync(file, args, { cwd, env, encoding: 'utf8', stdio: 'pipe' });
  } catch (error) {
    console.log(`${error.stdout}${error.stderr}`);
    const command = [file, ...args].join(' ');
    throw Object.assign(new Error(`exit status ${error.status}`), { command });
  }
}
