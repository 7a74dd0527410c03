import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from './databases.ts';
import type { FaultWindows } from './fault-windows.ts';

/** A fault that was injected, and how long it lasted. */
export interface FaultRecord {
  readonly name: string;
  readonly forMs: number;
}

interface ChaosHooks {
  /** Starts work for the fault to interrupt. */
  before(isOver: () => boolean): Promise<void>;
  /** How long that work runs before the fault begins, in milliseconds. */
  leadMs(): number;
  /** Runs when the recovery allowance is over. */
  after(): Promise<void>;
}

/** Breaks the database at intervals, with each fault in turn. */
export class Chaos {
  readonly injected: FaultRecord[] = [];
  readonly #faults: readonly Fault[];
  readonly #windows: FaultWindows;
  readonly #processes: number;
  readonly #hooks: ChaosHooks;
  readonly #stop = new AbortController();

  constructor(
    faults: readonly Fault[],
    windows: FaultWindows,
    processes: number,
    hooks: ChaosHooks,
  ) {
    this.#faults = faults;
    this.#windows = windows;
    this.#processes = processes;
    this.#hooks = hooks;
  }

  /** The first fault comes after half an interval. `stop` ends a fault early, but never skips its end. */
  async run(everyMs: number, faultMs: () => number): Promise<void> {
    let next = Date.now() + everyMs / 2;
    for (let index = 0; await this.#pause(next - Date.now()); index++) {
      next += everyMs;
      const fault = this.#faults[index % this.#faults.length]!;
      const began = Date.now();
      let isOver = false;
      const burst = this.#hooks.before(() => isOver);
      await sleep(this.#hooks.leadMs());
      this.#windows.open(fault.name);
      await fault.begin();
      isOver = true;
      await this.#pause(faultMs());
      await fault.end();
      this.#windows.close(this.#processes);
      this.injected.push({ name: fault.name, forMs: Date.now() - began });
      await burst;
      while (this.#windows.isOpen) await sleep(100);
      await this.#hooks.after();
    }
  }

  stop(): void {
    this.#stop.abort();
  }

  /** False if `stop` cut it short. */
  async #pause(ms: number): Promise<boolean> {
    const { signal } = this.#stop;
    return sleep(Math.max(0, ms), true, { signal }).catch(() => false);
  }
}
