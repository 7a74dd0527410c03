import type { Deadline } from './deadline.ts';

/** How many may wait for the database before more are turned away. */
export const LONGEST_LINE = 10_000;

/** So many wait already that one more would not be served in time either. */
export class OverloadError extends Error {
  override readonly name = 'OverloadError';

  constructor() {
    super('Too many requests are waiting for the database.');
  }
}

/**
 * Lets so many in at a time; the others wait in order, each no longer than its deadline, and whoever
 * would make the line too long is turned away at once.
 */
export class Turnstile {
  readonly #capacity: number;
  readonly #longestLine: number;
  readonly #line = new Set<() => void>();
  #inside = 0;

  constructor(capacity: number, longestLine: number) {
    this.#capacity = capacity;
    this.#longestLine = longestLine;
  }

  /** Whether nobody is inside or waiting. */
  get isEmpty(): boolean {
    return this.#inside === 0 && this.#line.size === 0;
  }

  /** @throws DeadlineExceededError, OverloadError */
  async enter(deadline: Deadline): Promise<void> {
    if (this.#inside < this.#capacity) {
      this.#inside++;
      return;
    }
    if (this.#line.size >= this.#longestLine) throw new OverloadError();
    let admit = (): void => undefined;
    const admitted = new Promise<void>((resolve) => (admit = resolve));
    this.#line.add(admit);
    try {
      await deadline.race(admitted);
    } catch (error) {
      // Admitted in the very moment that time ran out: the place goes to the next one.
      if (!this.#line.delete(admit)) this.leave();
      throw error;
    }
  }

  leave(): void {
    const [next] = this.#line;
    if (!next) {
      this.#inside--;
      return;
    }
    this.#line.delete(next);
    next();
  }
}

/** A turnstile of one for each key. */
export class KeyedTurnstile {
  readonly #longestLine: number;
  readonly #turnstiles = new Map<string, Turnstile>();

  constructor(longestLine: number) {
    this.#longestLine = longestLine;
  }

  /** Does the work when its turn has come, alone for its key. */
  async pass<T>(key: string, deadline: Deadline, work: () => Promise<T>): Promise<T> {
    const turnstile = this.#turnstiles.get(key) ?? new Turnstile(1, this.#longestLine);
    this.#turnstiles.set(key, turnstile);
    await turnstile.enter(deadline);
    try {
      return await work();
    } finally {
      turnstile.leave();
      if (turnstile.isEmpty) this.#turnstiles.delete(key);
    }
  }
}
