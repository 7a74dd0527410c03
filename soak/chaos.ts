import { setTimeout as sleep } from 'node:timers/promises';
import type { Fault } from './databases.ts';
import type { FaultWindows } from './fault-windows.ts';

/** What happened to whom, and when. */
export interface Injected {
  readonly name: string;
  readonly forMs: number;
}

export interface Hooks {
  /** Begins what the fault is to interrupt. */
  before(isOver: () => boolean): Promise<void>;
  /** How long before the fault that begins, in milliseconds. */
  leadMs(): number;
  /** What to do once the recovery allowance is over. */
  after(): Promise<void>;
}

/** Breaks the database every so often, in one way after the other. */
export class Chaos {
  readonly injected: Injected[] = [];
  readonly #faults: readonly Fault[];
  readonly #windows: FaultWindows;
  readonly #processes: number;
  readonly #hooks: Hooks;
  readonly #stop = new AbortController();

  constructor(faults: readonly Fault[], windows: FaultWindows, processes: number, hooks: Hooks) {
    this.#faults = faults;
    this.#windows = windows;
    this.#processes = processes;
    this.#hooks = hooks;
  }

  /** The first fault comes after half an interval; a fault that has begun is ended. */
  async run(everyMs: number, faultMs: () => number): Promise<void> {
    let next = Date.now() + everyMs / 2;
    for (let index = 0; await this.#pause(next - Date.now()); index++) {
      next += everyMs;
      const fault = this.#faults[index % this.#faults.length]!;
      const began = Date.now();
      let isOver = false;
      const surge = this.#hooks.before(() => isOver);
      await sleep(this.#hooks.leadMs());
      this.#windows.open(fault.name);
      await fault.begin();
      isOver = true;
      await this.#pause(faultMs());
      await fault.end();
      this.#windows.close(this.#processes);
      this.injected.push({ name: fault.name, forMs: Date.now() - began });
      await surge;
      while (this.#windows.isOpen) await sleep(100);
      await this.#hooks.after();
    }
  }

  stop(): void {
    this.#stop.abort();
  }

  /** Whether it went on to the end. */
  async #pause(ms: number): Promise<boolean> {
    const { signal } = this.#stop;
    return sleep(Math.max(0, ms), true, { signal }).catch(() => false);
  }
}
