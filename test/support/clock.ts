import { jest } from '@jest/globals';

/** All that Jest can fake except Date: timers, promises and sockets must go on. */
const REAL = [
  'hrtime',
  'nextTick',
  'performance',
  'queueMicrotask',
  'setImmediate',
  'clearImmediate',
  'setInterval',
  'clearInterval',
  'setTimeout',
  'clearTimeout',
] as const;

/** Stops `Date` at this instant, until the next call or `restoreTime`. */
export function freezeTime(now: Date | number): void {
  jest.useFakeTimers({ now, doNotFake: [...REAL] });
}

export function restoreTime(): void {
  jest.useRealTimers();
}
