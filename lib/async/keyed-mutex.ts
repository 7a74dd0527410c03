import { Operation } from './operation.ts';
import { Semaphore } from './semaphore.ts';

/** How many may wait for one key before more are turned away. */
const MAX_WAITING_PER_KEY = 1_000;

/** Lets one piece of work for each key run at a time. */
export class KeyedMutex {
  readonly #semaphores = new Map<string, Semaphore>();

  /**
   * Does the work when its turn has come, alone for its key.
   *
   * @throws DeadlineExceededError, OverloadError, and what the work throws
   */
  async runExclusive<T>(key: string, op: Operation, work: () => Promise<T>): Promise<T> {
    const semaphore = this.#semaphores.get(key) ?? new Semaphore(1, MAX_WAITING_PER_KEY);
    this.#semaphores.set(key, semaphore);
    try {
      const release = await semaphore.acquire('write', op);
      try {
        return await work();
      } finally {
        release();
      }
    } finally {
      // One that gave up late may find another semaphore in its place.
      const isCurrent = this.#semaphores.get(key) === semaphore;
      if (isCurrent && semaphore.isIdle) this.#semaphores.delete(key);
    }
  }

  /** Does the work if none is under way for its key, else nothing. */
  async tryRunExclusive<T>(key: string, work: () => Promise<T>): Promise<T | undefined> {
    if (this.#semaphores.has(key)) return undefined;
    return this.runExclusive(key, Operation.within(0), work);
  }
}
