import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { DeadlineExceededError } from '../../lib/async/deadline.ts';
import { Operation } from '../../lib/async/operation.ts';
import { OverloadError, Semaphore, type Lane } from '../../lib/async/semaphore.ts';

const LONG = 10_000;

/** A semaphore whose permits are all held, and the order in which later ones were given. */
async function exhausted(permits = 1, maxWaiting = 100, reserved = 0) {
  const semaphore = new Semaphore(permits, maxWaiting, reserved);
  const admitted: string[] = [];
  const releases: (() => void)[] = [];
  const acquire = async (name: string, lane: Lane = 'write', ms = LONG) => {
    releases.push(await semaphore.acquire(lane, Operation.within(ms)));
    admitted.push(name);
  };
  for (let held = 0; held < permits - reserved; held++) await acquire('first');
  admitted.length = 0;
  /** Gives so many permits back, one after the other. */
  const release = async (count: number) => {
    for (let given = 0; given < count; given++) {
      releases.shift()?.();
      await sleep(0);
    }
  };
  return { semaphore, admitted, acquire, release };
}

describe('Semaphore', () => {
  it('gives out its permits, and one again for each that is released', async () => {
    const { semaphore, admitted, acquire, release } = await exhausted(2);
    const waiting = acquire('third');
    await sleep(0);
    expect(admitted).toEqual([]);
    await release(1);
    await waiting;
    await release(1);
    expect(semaphore.isIdle).toBe(false);
    await release(1);
    expect(semaphore.isIdle).toBe(true);
  });

  it('admits the one that came first', async () => {
    const { admitted, acquire, release } = await exhausted();
    const waiting = ['old', 'newer', 'newest'].map((name) => acquire(name));
    await release(3);
    await Promise.all(waiting);
    expect(admitted).toEqual(['old', 'newer', 'newest']);
  });

  it('admits the last one first while the oldest has waited for half of its time', async () => {
    const { admitted, acquire, release } = await exhausted();
    const waiting = [acquire('oldest', 'write', 1_000), acquire('old')];
    await sleep(600);
    waiting.push(acquire('newer'), acquire('newest'));
    await release(2);
    expect(admitted).toEqual(['newest', 'newer']);
    await release(2);
    await Promise.all(waiting);
    expect(admitted).toEqual(['newest', 'newer', 'old', 'oldest']);
  });

  it('passes none by while others come as fast as they are served', async () => {
    const { admitted, acquire, release } = await exhausted();
    const waiting = [acquire('old')];
    for (let come = 0; come < 5; come++) {
      waiting.push(acquire(`new ${String(come)}`));
      await release(1);
    }
    expect(admitted[0]).toBe('old');
    await release(1);
    await Promise.all(waiting);
  });

  it('admits lookups first, then reads and writes by turns', async () => {
    const { admitted, acquire, release } = await exhausted();
    const waiting = [
      ...['r1', 'r2'].map((name) => acquire(name, 'read')),
      ...['w1', 'w2'].map((name) => acquire(name, 'write')),
      ...['l1', 'l2'].map((name) => acquire(name, 'lookup')),
    ];
    await release(6);
    await Promise.all(waiting);
    expect(admitted).toEqual(['l1', 'l2', 'r1', 'w1', 'r2', 'w2']);
  });

  it('keeps its reserved permits for lookups', async () => {
    const { admitted, acquire, release } = await exhausted(2, 100, 1);
    const waiting = [acquire('write'), acquire('read', 'read')];
    await acquire('lookup', 'lookup');
    await sleep(0);
    expect(admitted).toEqual(['lookup']);
    await release(1);
    expect(admitted).toEqual(['lookup', 'read']);
    await release(2);
    await Promise.all(waiting);
    expect(admitted).toEqual(['lookup', 'read', 'write']);
  });

  it('turns away at once one too many in a lane, and leaves the other lanes alone', async () => {
    const { acquire, release } = await exhausted(1, 2);
    const waiting = [acquire('one'), acquire('two')];
    await expect(acquire('three')).rejects.toThrow(OverloadError);
    waiting.push(acquire('read', 'read'));
    await release(3);
    await Promise.all(waiting);
  });

  it('forgets those whose deadline has passed', async () => {
    const { semaphore, admitted, acquire, release } = await exhausted(1, 2);
    const patient = acquire('patient');
    await expect(acquire('hasty', 'write', 20)).rejects.toThrow(DeadlineExceededError);
    const late = acquire('late');
    await release(2);
    await Promise.all([patient, late]);
    expect(admitted).toEqual(['patient', 'late']);
    await release(1);
    expect(semaphore.isIdle).toBe(true);
  });

  it('passes a permit on that came at the moment of the deadline', async () => {
    const { semaphore, admitted, acquire, release } = await exhausted();
    const patient = acquire('patient');
    const op = Operation.within(LONG);
    let expire = (): void => undefined;
    op.race = () =>
      new Promise<never>((_, reject) => (expire = () => reject(op.deadline.expire())));
    const failing = expect(semaphore.acquire('write', op)).rejects.toThrow(DeadlineExceededError);
    await release(1);
    expire();
    await failing;
    await patient;
    expect(admitted).toEqual(['patient']);
  });
});
