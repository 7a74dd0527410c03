import { clearTimeout, setTimeout } from './system-timers.ts';

/** Work that a shutdown waits for. */
export class BackgroundTasks {
  readonly #pending = new Set<Promise<void>>();
  readonly #pauses = new Map<NodeJS.Timeout, () => void>();
  #closed = false;

  /** Whether a shutdown has begun: what repeats itself ends. */
  get isClosed(): boolean {
    return this.#closed;
  }

  /** Starts the work; its failure goes to `onError`, whose own goes nowhere: unhandled, it would end the process. */
  run(work: () => Promise<unknown>, onError: (error: unknown) => void): void {
    const pending = settle(work, onError).finally(() => this.#pending.delete(pending));
    this.#pending.add(pending);
  }

  /** Lets a shutdown wait for work that somebody else waits for too. */
  track<T>(work: Promise<T>): Promise<T> {
    this.run(
      () => work,
      () => undefined,
    );
    return work;
  }

  /** Resolves after so many milliseconds, or at once when a shutdown begins. */
  sleep(ms: number): Promise<void> {
    if (this.#closed) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(() => {
        this.#pauses.delete(timer);
        resolve();
      }, ms);
      // Nothing that is only waited for keeps a process alive.
      timer.unref();
      this.#pauses.set(timer, resolve);
    });
  }

  /** Ends the pauses, and resolves once nothing is pending. */
  async drain(): Promise<void> {
    this.#closed = true;
    for (const [timer, resolve] of this.#pauses) {
      clearTimeout(timer);
      resolve();
    }
    this.#pauses.clear();
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }
}

async function settle(
  work: () => Promise<unknown>,
  onError: (error: unknown) => void,
): Promise<void> {
  try {
    await work();
  } catch (error) {
    try {
      onError(error);
    } catch {
      // There is nobody left to tell.
    }
  }
}
