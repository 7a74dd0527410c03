import type { Deadline } from './deadline.ts';

/** The longest pause before trying again what met a lock, in milliseconds. */
const LONGEST_PAUSE_MS = 40;

/** Tries again, after a pause of random length, what failed on a lock or a deadlock. */
export async function retryTransient<T>(
  work: () => Promise<T>,
  deadline: Deadline,
  isTransient: (error: unknown) => boolean,
  longestPauseMs = LONGEST_PAUSE_MS,
): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if (!isTransient(error) || deadline.remaining === 0) throw error;
      await deadline.sleep(Math.random() * Math.min(longestPauseMs, 4 * attempt));
    }
  }
}
