import { setTimeout as sleep } from 'node:timers/promises';

/** Asks again and again until the answer is the expected one. @throws Error if `timeoutMs` pass before it is */
export async function pollUntil<T>(
  expected: T,
  ask: () => Promise<T>,
  timeoutMs = 20_000,
): Promise<void> {
  const answer = await pollFor(ask, (found) => found === expected, timeoutMs);
  if (answer !== expected) throw new Error(`Still ${String(answer)}, not ${String(expected)}.`);
}

/** Asks again and again until the answer satisfies or `timeoutMs` have passed. Gives the last answer. */
export async function pollFor<T>(
  ask: () => Promise<T> | T,
  satisfies: (answer: T) => boolean,
  timeoutMs = 3_000,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const answer = await ask();
    if (satisfies(answer) || performance.now() > end) return answer;
    await sleep(5);
  }
}
