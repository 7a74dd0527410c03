import { setTimeout as sleep } from 'node:timers/promises';

/** Looks again and again, from before the work until it has ended, however it ends. */
export async function watching<T>(
  look: () => Promise<unknown>,
  work: () => Promise<T>,
): Promise<T> {
  let done = false;
  const watch = async (): Promise<void> => {
    while (!done) {
      await look();
      // SQLite answers without a turn of the event loop, which the work needs.
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
