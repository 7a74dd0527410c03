import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, it } from '@jest/globals';
import { KeyedMutex } from '../../lib/async/keyed-mutex.ts';
import { Operation } from '../../lib/async/operation.ts';

const within = (): Operation => Operation.within(10_000);

describe('KeyedMutex', () => {
  it('runs one piece of work for each key at a time', async () => {
    const mutex = new KeyedMutex();
    const running: string[] = [];
    let most = 0;
    const run = (key: string) =>
      mutex.runExclusive(key, within(), async () => {
        running.push(key);
        most = Math.max(most, running.length);
        expect(running.filter((other) => other === key)).toHaveLength(1);
        await sleep(5);
        running.splice(running.indexOf(key), 1);
      });
    await Promise.all(['a', 'a', 'a', 'b', 'b'].map(run));
    expect(most).toBe(2);
  });

  it('does nothing if work is under way for the key, when it is only to try', async () => {
    const mutex = new KeyedMutex();
    const tryRun = (key: string) => mutex.tryRunExclusive(key, () => sleep(5, key));
    expect(await Promise.all(['a', 'a', 'b'].map(tryRun))).toEqual(['a', undefined, 'b']);
    expect(await tryRun('a')).toBe('a');
  });

  it('goes on after work that failed', async () => {
    const mutex = new KeyedMutex();
    const run = (work: () => Promise<string>) => mutex.runExclusive('a', within(), work);
    const failing = expect(run(() => Promise.reject(new Error('broken')))).rejects.toThrow(
      'broken',
    );
    expect(await run(() => Promise.resolve('done'))).toBe('done');
    await failing;
  });
});
