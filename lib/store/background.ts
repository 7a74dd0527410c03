/** Work that no answer waits for, but that a shutdown does. */
export class Background {
  readonly #pending = new Set<Promise<void>>();

  /** Starts the work; its failure goes to `onError` and never further. */
  run(work: () => Promise<unknown>, onError: (error: unknown) => void): void {
    const pending = work()
      .then(() => undefined, onError)
      .finally(() => this.#pending.delete(pending));
    this.#pending.add(pending);
  }

  /** Resolves once nothing is pending. */
  async idle(): Promise<void> {
    while (this.#pending.size > 0) await Promise.all(this.#pending);
  }
}
