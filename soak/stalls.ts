/** How long nothing happens here before it counts, in milliseconds. */
const LEAST_MS = 2_000;

const EVERY_MS = 100;

/** How long what waited meanwhile may take to be over, in milliseconds. */
const AFTERMATH_MS = 5_000;

/**
 * When the soak itself stood still: a virtual machine that was paused, or far too busy. Nobody can tell
 * what an answer from such a time says about the package; it is counted by itself.
 */
export class Standstills {
  readonly #found: { readonly from: number; readonly to: number }[] = [];
  readonly #timer: NodeJS.Timeout;
  #last = Date.now();

  constructor() {
    this.#timer = setInterval(() => this.#look(), EVERY_MS);
    this.#timer.unref();
  }

  /** How long each of them was, in milliseconds. */
  get lengthsMs(): number[] {
    return this.#found.map(({ from, to }) => to - from);
  }

  /** Whether one was on, or hardly over, at any time between these two instants. */
  touches(from: number, to: number): boolean {
    // It may have ended just now, before the timer's turn came.
    this.#look();
    return this.#found.some((one) => from <= one.to + AFTERMATH_MS && to >= one.from);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const now = Date.now();
    if (now - this.#last >= LEAST_MS) this.#found.push({ from: this.#last, to: now });
    this.#last = now;
  }
}
