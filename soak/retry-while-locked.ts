import { setTimeout as sleep } from 'node:timers/promises';

/** Only one at a time has a file of SQLite, and the soak's own connection waits in no line. */
export async function whenUnlocked<T>(work: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work();
    } catch (error) {
      if ((error as { code?: unknown }).code !== 'SQLITE_BUSY' || attempt === 200) throw error;
      await sleep(5);
    }
  }
}
