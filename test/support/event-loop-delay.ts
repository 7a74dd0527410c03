import { setTimeout as sleep } from 'node:timers/promises';

/** The longest time, in milliseconds, for which the work blocked the event loop. */
export async function maxEventLoopDelay(work: () => Promise<unknown>): Promise<number> {
  let longest = 0;
  let done = false;
  const watch = async (): Promise<void> => {
    for (let last = performance.now(); !done;) {
      await sleep(5);
      const now = performance.now();
      longest = Math.max(longest, now - last - 5);
      last = now;
    }
  };
  const watching = watch();
  try {
    await work();
  } finally {
    done = true;
    await watching;
  }
  return longest;
}
