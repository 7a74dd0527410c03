import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { performance } from 'node:perf_hooks';
import { Deadline, DeadlineExceededError } from '../../lib/async/deadline.ts';

const SHORT_MS = 20;
const NEVER = new Promise<never>(() => undefined);

/** The clock of a user's test: every timer and every clock of the process stands still. */
describe.each([
  ['the real clock', () => jest.useRealTimers()],
  ['a clock that a test has stopped', () => jest.useFakeTimers({ now: 0 })],
])('Deadline under %s', (_, setClock) => {
  beforeEach(() => {
    setClock();
  });
  afterEach(() => {
    jest.restoreAllMocks();
    jest.useRealTimers();
  });

  describe('race', () => {
    it('rejects once the time is up, where the work goes on for ever', async () => {
      await expect(new Deadline(SHORT_MS).race(NEVER)).rejects.toThrow(
        new DeadlineExceededError(SHORT_MS),
      );
    });

    it('gives the outcome of work that is done in time', async () => {
      const deadline = new Deadline(60_000);
      await expect(deadline.race(Promise.resolve('done'))).resolves.toBe('done');
      const failure = new Error('The database is gone.');
      await expect(deadline.race(Promise.reject(failure))).rejects.toBe(failure);
    });

    it('counts from its making, not from each race', async () => {
      const deadline = new Deadline(SHORT_MS);
      await expect(deadline.race(NEVER)).rejects.toThrow(DeadlineExceededError);
      await expect(deadline.race(NEVER)).rejects.toThrow('No answer within 20 ms.');
    });

    it('is over, for whoever asks, once it was lost, though its timer was early', async () => {
      // Timers count in whole milliseconds, so that one may end a part of one before its time.
      const start = performance.now();
      const clock = jest.spyOn(performance, 'now').mockReturnValue(start);
      const deadline = new Deadline(SHORT_MS);
      const race = deadline.race(NEVER);
      clock.mockReturnValue(start + SHORT_MS - 0.5);
      await expect(race).rejects.toThrow(DeadlineExceededError);
      expect(deadline.remaining).toBe(0);
      expect(() => deadline.throwIfPassed()).toThrow(DeadlineExceededError);
    });

    it('leaves no rejection unhandled of work that fails after it', async () => {
      let fail: (error: Error) => void = () => undefined;
      const work = new Promise<never>((_resolve, reject) => {
        fail = reject;
      });
      await expect(new Deadline(SHORT_MS).race(work)).rejects.toThrow(DeadlineExceededError);
      const unhandled = jest.fn();
      process.on('unhandledRejection', unhandled);
      fail(new Error('Too late.'));
      await new Deadline(SHORT_MS).sleep(1);
      process.off('unhandledRejection', unhandled);
      expect(unhandled).not.toHaveBeenCalled();
    });
  });

  describe('check', () => {
    it('throws once the time is up', () => {
      expect(() => new Deadline(0).throwIfPassed()).toThrow('No answer within 0 ms.');
      expect(() => new Deadline(60_000).throwIfPassed()).not.toThrow();
    });
  });

  describe('remaining', () => {
    it('grows less, and is never negative', async () => {
      const deadline = new Deadline(SHORT_MS);
      const first = deadline.remaining;
      expect(first).toBeLessThanOrEqual(SHORT_MS);
      await deadline.sleep(60_000);
      expect(deadline.remaining).toBeLessThan(first);
      expect(new Deadline(-5).remaining).toBe(0);
    });
  });

  describe('pause', () => {
    it('ends at the deadline, however long it was meant to be', async () => {
      await expect(new Deadline(SHORT_MS).sleep(600_000)).resolves.toBeUndefined();
    });
  });
});
