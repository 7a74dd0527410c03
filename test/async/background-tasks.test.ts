import { describe, expect, it } from '@jest/globals';
import { BackgroundTasks } from '../../lib/async/background-tasks.ts';

const fail = (): never => {
  throw new Error('x');
};

describe('BackgroundTasks', () => {
  it.each([
    ['rejects', () => Promise.reject(new Error('x'))],
    ['throws', fail],
  ])('gives the failure of work that %s to onError', async (_, work) => {
    const errors: unknown[] = [];
    const tasks = new BackgroundTasks();
    tasks.run(work, (error) => errors.push(error));
    await tasks.drain();
    expect(errors).toEqual([new Error('x')]);
  });

  it('survives an onError that throws, and so does a shutdown', async () => {
    const unhandled: unknown[] = [];
    const onUnhandled = (error: unknown): void => void unhandled.push(error);
    process.on('unhandledRejection', onUnhandled);
    const tasks = new BackgroundTasks();
    tasks.run(() => Promise.reject(new Error('x')), fail);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await expect(tasks.drain()).resolves.toBeUndefined();
    process.off('unhandledRejection', onUnhandled);
    expect(unhandled).toEqual([]);
  });
});
