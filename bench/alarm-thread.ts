// The thread of PreciseTimers: sleeps until each instant that it gets, and answers.
import { receiveMessageOnPort, workerData, type MessagePort } from 'node:worker_threads';

export interface Alarms {
  /** One number: how many instants were sent. */
  readonly sent: Int32Array<SharedArrayBuffer>;
  readonly port: MessagePort;
}

/** Milliseconds on a clock that all threads share. */
export const monotonicMs = (): number => Number(process.hrtime.bigint()) / 1e6;

function serve({ sent, port }: Alarms): never {
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  for (;;) {
    const count = Atomics.load(sent, 0);
    const received = receiveMessageOnPort(port);
    if (!received) {
      Atomics.wait(sent, 0, count);
      continue;
    }
    const ms = Number(received.message) - monotonicMs();
    if (ms > 0) Atomics.wait(sleeper, 0, 0, ms);
    port.postMessage(null);
  }
}

if (workerData) serve(workerData as Alarms);
