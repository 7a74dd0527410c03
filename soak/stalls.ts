/** A shorter pause of the event loop does not count as a stall, in milliseconds. */
const MIN_STALL_MS = 2_000;

const EVERY_MS = 100;

/** How long requests that waited during a stall may take after it, in milliseconds. */
const AFTERMATH_MS = 5_000;

/**
 * Records when the soak itself stalled, as on a virtual machine that was paused or overloaded. An answer
 * from such a time says nothing about the package, so it is counted separately.
 */
export class Stalls {
  readonly #found: { readonly from: number; readonly to: number }[] = [];
  readonly #timer: NodeJS.Timeout;
  #last = Date.now();

  constructor() {
    this.#timer = setInterval(() => this.#look(), EVERY_MS);
    this.#timer.unref();
  }

  /** The length of each stall, in milliseconds. */
  get lengthsMs(): number[] {
    return this.#found.map(({ from, to }) => to - from);
  }

  /** Whether a stall, or the time after it, overlaps the time between these two instants. */
  touches(from: number, to: number): boolean {
    // A stall may have ended just now, before the timer could see it.
    this.#look();
    return this.#found.some((one) => from <= one.to + AFTERMATH_MS && to >= one.from);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  #look(): void {
    const now = Date.now();
    if (now - this.#last >= MIN_STALL_MS) this.#found.push({ from: this.#last, to: now });
    this.#last = now;
  }
}
