import { setTimeout as sleep } from 'node:timers/promises';

/** The soak's own connection to an SQLite file has no busy timeout, so it must retry. */
export async function retryWhileLocked<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'SQLITE_BUSY' || attempt === 200) throw error;
      await sleep(5);
    }
  }
}
