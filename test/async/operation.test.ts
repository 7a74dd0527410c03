import { describe, expect, it, jest } from '@jest/globals';
import { DeadlineExceededError } from '../../lib/async/deadline.ts';
import { Operation } from '../../lib/async/operation.ts';

const CLIENT = { ip: '192.0.2.1', userAgent: 'test' };

describe('Operation', () => {
  it('reads the client on first use, and once', () => {
    const read = jest.fn(() => CLIENT);
    const op = Operation.within(1_000, read);
    expect(read).not.toHaveBeenCalled();
    expect([op.client, op.client]).toEqual([CLIENT, CLIENT]);
    expect(read).toHaveBeenCalledTimes(1);
  });

  it('has no client where none waits', () => {
    expect(Operation.within(1_000).client).toBeNull();
  });

  it('has no client where it cannot be read', () => {
    const op = Operation.within(1_000, () => {
      throw new Error('trust proxy');
    });
    expect([op.client, op.client]).toEqual([null, null]);
  });

  it('is shortened to the sooner of two deadlines, for the same client', () => {
    const op = Operation.within(10_000, () => CLIENT);
    expect(op.shorten(500).deadline.timeoutMs).toBe(500);
    expect(op.shorten(60_000).deadline.timeoutMs).toBeLessThanOrEqual(10_000);
    expect(op.shorten(500).client).toBe(CLIENT);
  });

  it('has one deadline for all clients', () => {
    const op = Operation.within(10_000, () => CLIENT);
    const other = op.withClient(() => ({ ...CLIENT, ip: '192.0.2.2' }));
    expect(other.deadline).toBe(op.deadline);
    expect([op.client?.ip, other.client?.ip]).toEqual(['192.0.2.1', '192.0.2.2']);
  });

  it('rejects at its deadline', async () => {
    const never = new Promise(() => undefined);
    await expect(Operation.within(5).race(never)).rejects.toThrow(DeadlineExceededError);
  });
});
