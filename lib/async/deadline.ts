import { performance } from 'node:perf_hooks';
import { KnoxError } from '../errors/knox.error.ts';
import { clearTimeout, setTimeout } from './system-timers.ts';

/** The database, or a hook, did not answer in time. */
export class DeadlineExceededError extends KnoxError {
  override readonly name = 'DeadlineExceededError';
  readonly code = 'deadline_exceeded';

  constructor(ms: number) {
    super(`No answer within ${String(ms)} ms.`);
  }
}

/** The moment by which an answer must be there, on a clock that never steps. */
export class Deadline {
  /** How long it was from the beginning, in milliseconds. */
  readonly timeoutMs: number;
  /** When it was set, on the clock of `performance.now()`. */
  readonly startedAt: number;
  #end: number;

  /** @param ms milliseconds from now */
  constructor(ms: number) {
    this.timeoutMs = ms;
    this.startedAt = performance.now();
    this.#end = this.startedAt + ms;
  }

  /** Milliseconds left, 0 or more. */
  get remaining(): number {
    return Math.max(0, this.#end - performance.now());
  }

  /** The moment itself, on the clock of `performance.now()`. */
  get endsAt(): number {
    return this.#end;
  }

  /** Moves it, if the other one is later. */
  extendTo(other: Deadline): void {
    this.#end = Math.max(this.#end, other.endsAt);
  }

  /**
   * Marks it as passed. A timer may fire a millisecond early; without this, a COMMIT could still be sent after the
   * caller was told that the login failed.
   */
  expire(): DeadlineExceededError {
    this.#end = Number.NEGATIVE_INFINITY;
    return new DeadlineExceededError(this.timeoutMs);
  }

  /** @throws DeadlineExceededError if it has passed */
  throwIfPassed(): void {
    if (this.remaining === 0) throw new DeadlineExceededError(this.timeoutMs);
  }

  /** The outcome of the work, or a DeadlineExceededError, whichever comes first. */
  async race<T>(work: Promise<T>): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_, reject) => {
      const wait = (): void => {
        timer = setTimeout(() => {
          // It may have been extended since; within the millisecond, as timers may be early.
          if (this.remaining > 1) wait();
          else reject(this.expire());
        }, this.remaining);
      };
      wait();
    });
    try {
      return await Promise.race([work, timeout]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Resolves after so many milliseconds, or at the deadline if that is sooner. */
  sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      setTimeout(resolve, Math.min(ms, this.remaining));
    });
  }
}
