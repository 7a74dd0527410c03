import { setTimeout as sleep } from 'node:timers/promises';

/** Calls `look` again and again until the work has ended. The first call comes before the work. */
export async function watchDuring<T>(
  look: () => Promise<unknown>,
  work: () => Promise<T>,
): Promise<T> {
  let done = false;
  const watch = async (): Promise<void> => {
    while (!done) {
      await look();
      // SQLite answers synchronously: without this pause the work would never get the event loop.
      await sleep(1);
    }
  };
  const watched = watch();
  try {
    return await work();
  } finally {
    done = true;
    await watched;
  }
}
