import { nameOf } from '../test/support/process-app.ts';
import { PASSWORD, type Fleet } from './fleet.ts';
import { FUZZ_USER } from './users.ts';

/** The part of test/fuzz/fuzzer.ts that is used here. */
interface Fuzzer {
  fuzz(
    target: { url: string; username: string; password: string },
    options: { seed: number; count: number },
  ): Promise<{ readonly requests: number; readonly failures: readonly string[] }>;
}

/** Sends so many hostile requests to each process; what went wrong. */
export async function fuzzAll(fleet: Fleet, seed: number, count: number): Promise<string[]> {
  if (count === 0) return [];
  const path = new URL('../test/fuzz/fuzzer.ts', import.meta.url).href;
  const { fuzz } = (await import(path)) as Fuzzer;
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
