import { Deadline } from './deadline.ts';

/** How many may wait for the database before more are turned away. */
export const MAX_WAITING = 10_000;

/** How many may wait where only one at a time is let in. */
const MAX_WAITING_PER_KEY = 1_000;

/** So many wait already that one more would not be served in time either. */
export class OverloadError extends Error {
  override readonly name = 'OverloadError';

  constructor() {
    super('Too many requests are waiting for the database.');
  }
}

/**
 * Who waits, by what is asked of the database. Lookups go before all others: there are few of them, as
 * each is for many requests. Reads and writes take turns, so that neither waits for all of the other.
 */
export type Lane = 'lookups' | 'reads' | 'writes';

/**
 * Lets so many in at a time; the others wait, each no longer than its deadline, and whoever would make
 * a line too long is turned away at once. In each line the newest goes first: who has waited for long
 * has little time left to be served in, and where more come than can be served, the oldest first would
 * mean that nobody is.
 */
export class Semaphore {
  readonly #capacity: number;
  readonly #longestLine: number;
  readonly #lines: Readonly<Record<Lane, (() => void)[]>> = {
    lookups: [],
    reads: [],
    writes: [],
  };
  #next: 'reads' | 'writes' = 'reads';
  #inside = 0;

  constructor(capacity: number, longestLine: number) {
    this.#capacity = capacity;
    this.#longestLine = longestLine;
  }

  /** Whether nobody is inside, and thus nobody waiting. */
  get isIdle(): boolean {
    return this.#inside === 0;
  }

  /** @throws DeadlineExceededError, OverloadError */
  async enter(kind: Lane, deadline: Deadline): Promise<void> {
    if (this.#inside < this.#capacity) {
      this.#inside++;
      return;
    }
    const line = this.#lines[kind];
    if (line.length >= this.#longestLine) throw new OverloadError();
    let admit = (): void => undefined;
    const admitted = new Promise<void>((resolve) => (admit = resolve));
    line.push(admit);
    try {
      await deadline.race(admitted);
    } catch (error) {
      const place = line.indexOf(admit);
      // Admitted in the very moment that time ran out: the place goes to the next one.
      if (place === -1) this.leave();
      else line.splice(place, 1);
      throw error;
    }
  }

  leave(): void {
    const { lookups, reads, writes } = this.#lines;
    const [first, second] = this.#next === 'reads' ? [reads, writes] : [writes, reads];
    const admit = lookups.pop() ?? first.pop() ?? second.pop();
    this.#next = this.#next === 'reads' ? 'writes' : 'reads';
    if (admit) admit();
    else this.#inside--;
  }
}

/** A turnstile for each key that lets one in at a time. */
export class KeyedMutex {
  readonly #turnstiles = new Map<string, Semaphore>();

  /** Does the work when its turn has come, alone for its key. */
  async runExclusive<T>(key: string, deadline: Deadline, work: () => Promise<T>): Promise<T> {
    const turnstile = this.#turnstiles.get(key) ?? new Semaphore(1, MAX_WAITING_PER_KEY);
    this.#turnstiles.set(key, turnstile);
    try {
      await turnstile.enter('writes', deadline);
      try {
        return await work();
      } finally {
        turnstile.leave();
      }
    } finally {
      // Whoever gave up late may find another one in its place.
      const isCurrent = this.#turnstiles.get(key) === turnstile;
      if (isCurrent && turnstile.isIdle) this.#turnstiles.delete(key);
    }
  }

  /** Does the work if nobody is at it for its key, else nothing. */
  async tryRunExclusive<T>(key: string, work: () => Promise<T>): Promise<T | undefined> {
    return this.#turnstiles.has(key) ? undefined : this.runExclusive(key, new Deadline(0), work);
  }
}
