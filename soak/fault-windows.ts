/** From when to when a fault excuses a 503: instants of Date.now(). */
interface FaultWindow {
  readonly name: string;
  readonly from: number;
  to: number;
}

/** How long after a fault's end a 503 is still its consequence, in milliseconds. */
export const RECOVERY_ALLOWANCE_MS = 5_000;

/** When the database was broken, and how soon each process answered again. */
export class FaultWindows {
  readonly #windows: FaultWindow[] = [];
  readonly #waiting = new Map<number, number>();
  /** Of each process that a fault has touched, how long it took to answer again. */
  readonly recoveriesMs: number[] = [];

  /** Whether a fault is on, or its recovery allowance. */
  get isOpen(): boolean {
    return this.excuses(Date.now(), Date.now());
  }

  get count(): number {
    return this.#windows.length;
  }

  /** A fault begins. A process that has not recovered from the one before never will. */
  open(name: string): void {
    this.giveUp();
    this.#windows.push({ name, from: Date.now(), to: Number.POSITIVE_INFINITY });
  }

  /** The database is back; so many processes have to find out. */
  close(processes: number): void {
    const now = Date.now();
    const window = this.#windows.at(-1);
    if (window) window.to = now + RECOVERY_ALLOWANCE_MS;
    for (let index = 0; index < processes; index++) this.#waiting.set(index, now);
  }

  /** This process has asked the database and got an answer. */
  answered(process: number): void {
    const since = this.#waiting.get(process);
    if (since === undefined) return;
    this.#waiting.delete(process);
    this.recoveriesMs.push(Date.now() - since);
  }

  /** Whoever has not recovered yet has taken at least so long. */
  giveUp(): void {
    for (const process of [...this.#waiting.keys()]) this.answered(process);
  }

  /** How long ago the last fault ended, for whoever looks for a cause. */
  get sinceLast(): string {
    const last = this.#windows.at(-1);
    if (!last) return 'before any fault';
    const ms = Date.now() - (last.to - RECOVERY_ALLOWANCE_MS);
    return `${String(Math.round(ms / 1_000))} s after: ${last.name}`;
  }

  /** Whether a fault was on at any time between these two instants. */
  excuses(sentAt: number, answeredAt: number): boolean {
    return this.#windows.some(({ from, to }) => sentAt <= to && answeredAt >= from);
  }
}
