import { jest } from '@jest/globals';

/** Everything Jest could fake, but Date: timers, promises and sockets go on as they are. */
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

/** Stops `Date` at this instant, until the next call or `thawTime`. */
export function freezeTime(now: Date | number): void {
  jest.useFakeTimers({ now, doNotFake: [...REAL] });
}

export function thawTime(): void {
  jest.useRealTimers();
}
