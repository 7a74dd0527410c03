/** The time in which a fault excuses a 503; instants of Date.now(). */
interface FaultWindow {
  readonly name: string;
  readonly from: number;
  to: number;
}

/** How long after its end a fault still excuses a 503, in milliseconds. */
export const RECOVERY_ALLOWANCE_MS = 5_000;

/** Records when the database was broken, and how soon each process recovered. */
export class FaultWindows {
  readonly #windows: FaultWindow[] = [];
  readonly #waiting = new Map<number, number>();
  /** For each fault and process, the time from the fault's end to the process's first answer. */
  readonly recoveriesMs: number[] = [];

  /** Whether a fault, or its recovery allowance, is going on. */
  get isOpen(): boolean {
    return this.excuses(Date.now(), Date.now());
  }

  get count(): number {
    return this.#windows.length;
  }

  /** A fault begins. A process that still waits for the end of the last one counts as slow as now. */
  open(name: string): void {
    this.giveUp();
    this.#windows.push({ name, from: Date.now(), to: Number.POSITIVE_INFINITY });
  }

  /** The database is back. Each of the processes now counts as recovering. */
  close(processes: number): void {
    const now = Date.now();
    const window = this.#windows.at(-1);
    if (window) window.to = now + RECOVERY_ALLOWANCE_MS;
    for (let index = 0; index < processes; index++) this.#waiting.set(index, now);
  }

  /** This process has answered a request that needs the database. */
  answered(process: number): void {
    const since = this.#waiting.get(process);
    if (since === undefined) return;
    this.#waiting.delete(process);
    this.recoveriesMs.push(Date.now() - since);
  }

  /** Records the time so far of each process that has not recovered. */
  giveUp(): void {
    for (const process of [...this.#waiting.keys()]) this.answered(process);
  }

  /** Which fault goes on, or how long ago the last one ended, to help to find the cause of an error. */
  get sinceLast(): string {
    const last = this.#windows.at(-1);
    if (!last) return 'before any fault';
    if (last.to === Number.POSITIVE_INFINITY) return `during: ${last.name}`;
    const ms = Date.now() - (last.to - RECOVERY_ALLOWANCE_MS);
    return `${String(Math.round(ms / 1_000))} s after: ${last.name}`;
  }

  /** Whether a fault, or its recovery allowance, overlaps the time between these two instants. */
  excuses(sentAt: number, answeredAt: number): boolean {
    return this.#windows.some(({ from, to }) => sentAt <= to && answeredAt >= from);
  }
}
