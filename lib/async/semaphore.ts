import { KnoxError } from '../errors/knox.error.ts';
import type { Operation } from './operation.ts';

/** How many may wait for the database before more are turned away. */
export const MAX_WAITING = 10_000;

/** So many wait already that one more would not be served in time either. */
export class OverloadError extends KnoxError {
  override readonly name = 'OverloadError';
  readonly code = 'overload';

  constructor() {
    super('Too many requests are waiting for the database.');
  }
}

/**
 * What the permit is for. Lookups go before all others: there are few of them, as each serves many requests.
 * Reads and writes take turns, so that neither starves the other.
 */
export type Lane = 'lookup' | 'read' | 'write';

/** One that waits for a permit. */
interface Waiter {
  readonly admit: () => void;
  readonly op: Operation;
}

/**
 * Gives out a number of permits; those that come later wait, each until its deadline. The oldest goes first, so that
 * nobody is passed by again and again. Once it has waited for half of its time, the newest goes first: under overload,
 * the oldest is nearest to its deadline, and serving it first would time out everybody.
 */
export class Semaphore {
  readonly #permits: number;
  readonly #maxWaiting: number;
  /** How many permits reads and writes may hold together: one that waits for a lock must not hold up lookups. */
  readonly #maxShared: number;
  readonly #waiting: Readonly<Record<Lane, Waiter[]>> = { lookup: [], read: [], write: [] };
  #next: 'read' | 'write' = 'read';
  #held = 0;
  #shared = 0;

  /**
   * @param maxWaiting how many may wait in each lane
   * @param reserved how many permits are for lookups alone
   */
  constructor(permits: number, maxWaiting: number, reserved = 0) {
    this.#permits = permits;
    this.#maxWaiting = maxWaiting;
    this.#maxShared = permits - reserved;
  }

  /** Whether no permit is held, and thus nobody waits. */
  get isIdle(): boolean {
    return this.#held === 0;
  }

  /**
   * @returns gives the permit back
   * @throws DeadlineExceededError, OverloadError
   */
  async acquire(lane: Lane, op: Operation): Promise<() => void> {
    const release = (): void => {
      this.#release(lane);
    };
    if (this.#isFree(lane)) {
      this.#take(lane);
      return release;
    }
    const waiting = this.#waiting[lane];
    if (waiting.length >= this.#maxWaiting) throw new OverloadError();
    let admit = (): void => undefined;
    const admitted = new Promise<void>((resolve) => (admit = resolve));
    const waiter = { admit, op };
    waiting.push(waiter);
    try {
      await op.race(admitted);
      return release;
    } catch (error) {
      const place = waiting.indexOf(waiter);
      // Admitted in the moment in which time ran out: the permit goes to the next one.
      if (place === -1) release();
      else waiting.splice(place, 1);
      throw error;
    }
  }

  #isFree(lane: Lane): boolean {
    return this.#held < this.#permits && (lane === 'lookup' || this.#shared < this.#maxShared);
  }

  #take(lane: Lane): void {
    this.#held++;
    if (lane !== 'lookup') this.#shared++;
  }

  #release(lane: Lane): void {
    this.#held--;
    if (lane !== 'lookup') this.#shared--;
    const order: Lane[] =
      this.#next === 'read' ? ['lookup', 'read', 'write'] : ['lookup', 'write', 'read'];
    const next = order.find((other) => this.#waiting[other].length > 0 && this.#isFree(other));
    if (!next) return;
    if (next !== 'lookup') this.#next = next === 'read' ? 'write' : 'read';
    this.#take(next);
    takeNext(this.#waiting[next])?.admit();
  }
}

function takeNext(waiting: Waiter[]): Waiter | undefined {
  const oldest = waiting[0]?.op.deadline;
  const isOverloaded = oldest !== undefined && oldest.remaining < oldest.timeoutMs / 2;
  return isOverloaded ? waiting.pop() : waiting.shift();
}
