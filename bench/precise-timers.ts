// Timers that are late by a tenth of a millisecond, where those of Node.js wait in whole milliseconds.
import { writeFileSync } from 'node:fs';
import { MessageChannel, Worker, type MessagePort } from 'node:worker_threads';
import { monotonicMs, type Alarms } from './alarm-thread.ts';

/** Calls back, each time after the same delay. A thread sleeps for it, and then wakes the event loop. */
export class PreciseTimers {
  readonly #waiting: { readonly at: number; readonly run: () => void }[] = [];
  readonly #sent = new Int32Array(new SharedArrayBuffer(4));
  readonly #port: MessagePort;

  constructor(private readonly delayMs: number) {
    // Otherwise Linux wakes the thread, which inherits it, up to 50 µs late.
    writeFileSync('/proc/self/timerslack_ns', '1');
    const { port1, port2 } = new MessageChannel();
    const workerData: Alarms = { sent: this.#sent, port: port2 };
    new Worker(new URL('alarm-thread.js', import.meta.url), { workerData, transferList: [port2] });
    this.#port = port1.on('message', () => this.#runDue());
  }

  add(run: () => void): void {
    const at = monotonicMs() + this.delayMs;
    this.#waiting.push({ at, run });
    this.#port.postMessage(at);
    Atomics.add(this.#sent, 0, 1);
    Atomics.notify(this.#sent, 0);
  }

  #runDue(): void {
    const now = monotonicMs();
    while (this.#waiting.length > 0 && this.#waiting[0]!.at <= now) this.#waiting.shift()!.run();
  }
}
