import { fuzz } from '../test/fuzz/fuzzer.ts';
import { nameOf } from '../test/support/app-process.ts';
import { PASSWORD, type AppProcesses } from './app-processes.ts';
import { FUZZ_USER } from './users.ts';

/** Sends `count` hostile requests to each process. Returns the failures. */
export async function fuzzProcesses(
  apps: AppProcesses,
  seed: number,
  count: number,
): Promise<string[]> {
  if (count === 0) return [];
  const failures: string[] = [];
  for (let index = 0; index < apps.size; index++) {
    const target = {
      url: apps.client(index).url,
      username: nameOf(FUZZ_USER),
      password: PASSWORD,
      hasGateway: true,
    };
    failures.push(...(await fuzz(target, { seed: seed + index, count })).failures);
  }
  return failures;
}
