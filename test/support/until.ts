import { setTimeout as pause } from 'node:timers/promises';

/** Asks again and again until the answer is this one; fails if it is not in so many milliseconds. */
export async function until<T>(
  expected: T,
  ask: () => Promise<T>,
  withinMs = 20_000,
): Promise<void> {
  const end = Date.now() + withinMs;
  for (;;) {
    const found = await ask();
    if (found === expected) return;
    if (Date.now() > end) throw new Error(`Still ${String(found)}, not ${String(expected)}.`);
    await pause(5);
  }
}
