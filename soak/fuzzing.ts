import { fuzz } from '../test/fuzz/fuzzer.ts';
import { nameOf } from '../test/support/app-process.ts';
import { PASSWORD, type Fleet } from './app-processes.ts';
import { FUZZ_USER } from './users.ts';

/** Sends so many hostile requests to each process; what went wrong. */
export async function fuzzAll(fleet: Fleet, seed: number, count: number): Promise<string[]> {
  if (count === 0) return [];
  const failures: string[] = [];
  for (let index = 0; index < fleet.size; index++) {
    const target = {
      url: fleet.client(index).url,
      username: nameOf(FUZZ_USER),
      password: PASSWORD,
    };
    failures.push(...(await fuzz(target, { seed: seed + index, count })).failures);
  }
  return failures;
}
