import { setTimeout as sleep } from 'node:timers/promises';

/** Asks again and again until the answer satisfies, at most so many milliseconds; gives the last. */
export async function eventually<T>(
  ask: () => Promise<T> | T,
  satisfies: (answer: T) => boolean,
  ms = 3_000,
): Promise<T> {
  const end = performance.now() + ms;
  for (;;) {
    const answer = await ask();
    if (satisfies(answer) || performance.now() > end) return answer;
    await sleep(10);
  }
}
