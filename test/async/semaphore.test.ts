import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { Deadline, DeadlineExceededError } from '../../lib/async/deadline.ts';
import { KeyedMutex, OverloadError, Semaphore, type Lane } from '../../lib/async/semaphore.ts';

const LONG = 10_000;

/** A turnstile with its places taken, and who came through it since. */
async function full(capacity = 1, longestLine = 100) {
  const turnstile = new Semaphore(capacity, longestLine);
  const entered: string[] = [];
  const enter = async (name: string, line: Lane = 'writes', ms = LONG) => {
    await turnstile.enter(line, new Deadline(ms));
    entered.push(name);
  };
  for (let place = 0; place < capacity; place++) await enter('first');
  entered.length = 0;
  /** Lets so many out, one after the other. */
  const leave = async (count: number) => {
    for (let left = 0; left < count; left++) {
      turnstile.leave();
      await sleep(0);
    }
  };
  return { turnstile, entered, enter, leave };
}

describe('Turnstile', () => {
  it('lets in as many as there are places, and another for each that leaves', async () => {
    const { turnstile, entered, enter, leave } = await full(2);
    const waiting = enter('third');
    await sleep(0);
    expect(entered).toEqual([]);
    await leave(1);
    await waiting;
    await leave(1);
    expect(turnstile.isIdle).toBe(false);
    await leave(1);
    expect(turnstile.isIdle).toBe(true);
  });

  it('lets in the newest first', async () => {
    const { entered, enter, leave } = await full();
    const waiting = ['old', 'newer', 'newest'].map((name) => enter(name));
    await leave(3);
    await Promise.all(waiting);
    expect(entered).toEqual(['newest', 'newer', 'old']);
  });

  it('lets in reads and writes by turns', async () => {
    const { entered, enter, leave } = await full();
    const waiting = [
      ...['r3', 'r2', 'r1'].map((name) => enter(name, 'reads')),
      ...['w3', 'w2', 'w1'].map((name) => enter(name, 'writes')),
    ];
    await leave(6);
    await Promise.all(waiting);
    expect(entered).toEqual(['r1', 'w1', 'r2', 'w2', 'r3', 'w3']);
  });

  it('turns away at once who would make a line too long, and leaves the other line alone', async () => {
    const { enter, leave } = await full(1, 2);
    const waiting = [enter('one'), enter('two')];
    await expect(enter('three')).rejects.toThrow(OverloadError);
    waiting.push(enter('read', 'reads'));
    await leave(3);
    await Promise.all(waiting);
  });

  it('forgets who waited in vain', async () => {
    const { turnstile, entered, enter, leave } = await full(1, 2);
    const patient = enter('patient');
    await expect(enter('hasty', 'writes', 20)).rejects.toThrow(DeadlineExceededError);
    const late = enter('late');
    await leave(2);
    await Promise.all([patient, late]);
    expect(entered).toEqual(['late', 'patient']);
    await leave(1);
    expect(turnstile.isIdle).toBe(true);
  });

  it('gives the place of who was let in too late to the next one', async () => {
    const { turnstile, entered, enter } = await full();
    const patient = enter('patient');
    const deadline = new Deadline(LONG);
    let expire = (): void => undefined;
    deadline.race = () =>
      new Promise<never>((_, reject) => (expire = () => reject(deadline.expire())));
    const failing = expect(turnstile.enter('writes', deadline)).rejects.toThrow(
      DeadlineExceededError,
    );
    turnstile.leave();
    expire();
    await failing;
    await patient;
    expect(entered).toEqual(['patient']);
  });
});

describe('KeyedTurnstile', () => {
  it('lets one in for each key at a time', async () => {
    const turnstile = new KeyedMutex();
    const inside: string[] = [];
    let most = 0;
    const pass = (key: string) =>
      turnstile.runExclusive(key, new Deadline(LONG), async () => {
        inside.push(key);
        most = Math.max(most, inside.length);
        expect(inside.filter((other) => other === key)).toHaveLength(1);
        await sleep(5);
        inside.splice(inside.indexOf(key), 1);
      });
    await Promise.all(['a', 'a', 'a', 'b', 'b'].map(pass));
    expect(most).toBe(2);
  });

  it('does nothing where another is at it, if told so', async () => {
    const turnstile = new KeyedMutex();
    const pass = (key: string) => turnstile.tryRunExclusive(key, () => sleep(5, key));
    expect(await Promise.all(['a', 'a', 'b'].map(pass))).toEqual(['a', undefined, 'b']);
    expect(await pass('a')).toBe('a');
  });

  it('goes on after work that failed', async () => {
    const turnstile = new KeyedMutex();
    const pass = (work: () => Promise<string>) =>
      turnstile.runExclusive('a', new Deadline(LONG), work);
    const failing = expect(pass(() => Promise.reject(new Error('broken')))).rejects.toThrow(
      'broken',
    );
    expect(await pass(() => Promise.resolve('done'))).toBe('done');
    await failing;
  });
});
