import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { Deadline, DeadlineExceededError } from '../../lib/async/deadline.ts';
import { LookupQueue, type LookupSource } from '../../lib/store/lookup/lookup.batcher.ts';
import { MAX_WAITING, OverloadError } from '../../lib/async/semaphore.ts';

interface Row {
  digest: string;
  tags: string[];
}

/** A door that is open until it is shut, and then again. */
class Gate {
  #open: () => void = () => undefined;
  passage = Promise.resolve();

  shut(): void {
    this.passage = new Promise((resolve) => (this.#open = resolve));
  }

  open(): void {
    this.#open();
  }
}

/** Has a row for every digest that does not begin with `no`, and keeps to the deadline as a pool does. */
class FakeSource implements LookupSource<Row, Row> {
  /** What each statement asked for, in the order they were sent. */
  readonly sent: string[][] = [];
  readonly pool = new Gate();
  readonly server = new Gate();
  /** Gives the next statements no connection. */
  readonly refusals: Error[] = [];
  /** Fails the next statements, one for each. */
  readonly failures: Error[] = [];
  /** What to wait for before a failed statement is tried again; undefined: it is not. */
  retry: Promise<unknown> | undefined;
  canCopy = true;
  copies = 0;
  readonly take: (() => readonly string[])[] = [];

  fetch(take: () => readonly string[], deadline: Deadline): Promise<Map<string, Row>> {
    this.take.push(take);
    return deadline.race(this.#fetch(take, deadline));
  }

  async #fetch(take: () => readonly string[], deadline: Deadline): Promise<Map<string, Row>> {
    await this.pool.passage;
    const refusal = this.refusals.shift();
    if (refusal) throw refusal;
    deadline.throwIfPassed();
    const digests = take();
    if (digests.length === 0) return new Map();
    this.sent.push([...digests]);
    await this.server.passage;
    const failure = this.failures.shift();
    if (!failure) return new Map(digests.filter(isKnown).map((digest) => [digest, rowOf(digest)]));
    if (!this.retry) throw failure;
    await this.retry;
    return this.#fetch(take, deadline);
  }

  read(row: Row): Row {
    if (row.digest.startsWith('broken')) throw new Error(`Unreadable: ${row.digest}`);
    return row;
  }

  copy(row: Row): Row | undefined {
    this.copies++;
    if (row.digest.startsWith('deep')) throw new RangeError('Maximum call stack size exceeded');
    return this.canCopy ? { ...row, tags: [...row.tags] } : undefined;
  }
}

const isKnown = (digest: string): boolean => !digest.startsWith('no');
const rowOf = (digest: string): Row => ({ digest, tags: ['a'] });
const numbered = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `d${String(index)}`);

describe('LookupQueue', () => {
  let source: FakeSource;
  let queue: LookupQueue<Row, Row>;
  beforeEach(() => {
    source = new FakeSource();
    queue = new LookupQueue(source);
  });

  const find = (digest: string, ms = 60_000): Promise<Row | null> =>
    queue.find(digest, new Deadline(ms));

  describe('batches', () => {
    it('ask for all lookups of one turn in one statement, and give each its own', async () => {
      const digests = [...numbered(5), 'nobody'];
      const found = await Promise.all(digests.map((digest) => find(digest)));
      expect(source.sent).toEqual([digests]);
      expect(found).toEqual([...numbered(5).map(rowOf), null]);
    });

    it('match rows by their digests, in whatever order they come', async () => {
      const fetch = source.fetch.bind(source);
      source.fetch = async (take, deadline) =>
        new Map([...(await fetch(take, deadline))].reverse());
      const found = await Promise.all(['a', 'none', 'b'].map((digest) => find(digest)));
      expect(found).toEqual([rowOf('a'), null, rowOf('b')]);
    });

    it('are one for each turn of the event loop', async () => {
      const first = find('a');
      await turn();
      await turn();
      const second = find('b');
      await Promise.all([first, second]);
      expect(source.sent).toEqual([['a'], ['b']]);
    });

    it('are sent before the turn is over once sixteen wait, while none is out', async () => {
      source.server.shut();
      // Each in a callback of its own, as requests come; all in one turn.
      const digests = numbered(40);
      const asked = Promise.all(
        digests.map(
          (digest) =>
            new Promise((resolve) => {
              setImmediate(() => resolve(find(digest)));
            }),
        ),
      );
      await turn();
      expect(source.sent).toEqual([digests.slice(0, 16)]);
      await turn();
      expect(source.sent).toEqual([digests.slice(0, 16), digests.slice(16)]);
      source.server.open();
      expect(await asked).toEqual(digests.map(rowOf));
    });

    it('are not parted where many are asked for in one go', async () => {
      const digests = numbered(40);
      const found = await Promise.all(
        digests.map((digest) => Promise.resolve().then(() => find(digest))),
      );
      expect(source.sent).toEqual([digests]);
      expect(found).toEqual(digests.map(rowOf));
    });

    it('are sent without anybody waiting for the answer of another', async () => {
      source.server.shut();
      const first = find('a');
      await turn();
      const second = find('b');
      await turn();
      await turn();
      expect(source.sent).toEqual([['a'], ['b']]);
      source.server.open();
      await Promise.all([first, second]);
    });

    it('never take in a lookup that comes after they were sent', async () => {
      source.server.shut();
      const first = find('a');
      await turn();
      await turn();
      expect(source.sent).toEqual([['a']]);
      const second = find('a');
      source.server.open();
      const [one, other] = await Promise.all([first, second]);
      expect(source.sent).toEqual([['a'], ['a']]);
      expect(one).not.toBe(other);
    });

    it('keep no answer for later', async () => {
      await find('a');
      await find('a');
      expect(source.sent).toEqual([['a'], ['a']]);
    });

    it('that get no connection fail those they were begun for, and nobody who came since', async () => {
      source.pool.shut();
      const first = find('a');
      await turn();
      await turn();
      const later = [find('b'), find('a')];
      source.refusals.push(new Error('No connection.'));
      source.pool.open();
      await expect(first).rejects.toThrow('No connection.');
      expect(await Promise.all(later)).toEqual(['b', 'a'].map(rowOf));
      expect(source.sent).toEqual([['a', 'b']]);
    });

    it('take in what comes while they wait for a connection', async () => {
      source.pool.shut();
      const first = find('a');
      await turn();
      await turn();
      const others = [find('b'), find('a')];
      await turn();
      await turn();
      source.pool.open();
      expect(await Promise.all([first, ...others])).toEqual(['a', 'b', 'a'].map(rowOf));
      expect(source.sent).toEqual([['a', 'b']]);
    });

    it('hold 100 digests at most, each of them once', async () => {
      const digests = numbered(250);
      const found = await Promise.all(digests.map((digest) => find(digest)));
      expect(found.map((row) => row?.digest)).toEqual(digests);
      expect(source.sent.map(({ length }) => length)).toEqual([100, 100, 50]);
      expect(source.sent.flat()).toEqual(digests);
    });

    it('hold 100 at most where they wait for a connection together', async () => {
      source.pool.shut();
      const finding = numbered(100).map((digest) => find(digest));
      await turn();
      await turn();
      finding.push(find('late'));
      await turn();
      await turn();
      source.pool.open();
      await Promise.all(finding);
      expect(source.sent).toEqual([numbered(100), ['late']]);
    });
  });

  describe('an error', () => {
    it('fails only those of its own batch, and not the next turn', async () => {
      source.failures.push(new Error('gone'));
      const outcomes = await Promise.allSettled(numbered(150).map((digest) => find(digest)));
      const failed = outcomes.map(({ status }) => status === 'rejected');
      expect(failed).toEqual(numbered(150).map((_, index) => index < 100));
      expect(outcomes[0]).toMatchObject({ reason: new Error('gone') });
      expect(await find('d0')).toEqual(rowOf('d0'));
    });

    it('before there was a connection fails those who wait for one, and nobody later', async () => {
      source.fetch = () => Promise.reject(new Error('refused'));
      const outcomes = await Promise.allSettled(['a', 'b'].map((digest) => find(digest)));
      expect(outcomes).toMatchObject(Array(2).fill({ reason: new Error('refused') }));
      source.fetch = FakeSource.prototype.fetch.bind(source);
      expect(await find('a')).toEqual(rowOf('a'));
    });

    it('of a row that can’t be read fails only those who asked for it', async () => {
      const digests = ['a', 'broken', 'b', 'broken'];
      const outcomes = await Promise.allSettled(digests.map((digest) => find(digest)));
      const reason = new Error('Unreadable: broken');
      expect(source.sent).toEqual([['a', 'broken', 'b']]);
      expect(outcomes).toMatchObject([
        { value: rowOf('a') },
        { reason },
        { value: rowOf('b') },
        { reason },
      ]);
    });

    it('that passes has only those asked for again who still wait', async () => {
      let tryAgain = (): void => undefined;
      source.retry = new Promise<void>((resolve) => (tryAgain = resolve));
      source.failures.push(new Error('deadlock'));
      const [short, long] = [find('short', 50), find('long')];
      await expect(short).rejects.toBeInstanceOf(DeadlineExceededError);
      tryAgain();
      expect(await long).toEqual(rowOf('long'));
      expect(source.sent.at(-1)).toEqual(['long']);
    });
  });

  describe('one token asked for by many', () => {
    it('is one digest in the statement, and an object of its own for each', async () => {
      const found = await Promise.all(Array.from({ length: 20 }, () => find('a')));
      expect(source.sent).toEqual([['a']]);
      expect(new Set(found).size).toBe(20);
      expect(new Set(found.map((row) => row?.tags)).size).toBe(20);
      expect(found).toEqual(Array(20).fill(rowOf('a')));
    });

    it('is copied before anybody has read it', async () => {
      source.read = (row) => {
        row.tags.push('read');
        return row;
      };
      const found = await Promise.all([find('a'), find('a'), find('a')]);
      expect(found.map((row) => row?.tags)).toEqual(Array(3).fill(['a', 'read']));
    });

    it('is unknown to all of them where it is to one', async () => {
      expect(await Promise.all([find('none'), find('none')])).toEqual([null, null]);
    });

    it('is asked for again for each one more, where there is no copy of the row', async () => {
      source.canCopy = false;
      const found = await Promise.all([find('a'), find('a'), find('a'), find('b')]);
      expect(new Set(found.slice(0, 3)).size).toBe(3);
      expect(found).toEqual(['a', 'a', 'a', 'b'].map(rowOf));
      expect(source.sent).toEqual([['a', 'b'], ['a'], ['a']]);
    });

    it('is tried to be copied once for each of its rows, however many ask', async () => {
      const found = await Promise.all(Array.from({ length: 100 }, () => find('deep')));
      expect(found).toHaveLength(100);
      expect(source.copies).toBeLessThan(100);
    });

    it('fails nobody else where its row is nested too deeply to be copied', async () => {
      const found = await Promise.all([find('deep'), find('deep'), find('b')]);
      expect(found).toEqual(['deep', 'deep', 'b'].map(rowOf));
    });
  });

  describe('a deadline', () => {
    it('that has passed drops those who wait for a connection, unsent', async () => {
      source.pool.shut();
      const [short, long] = [find('short', 50), find('long')];
      await expect(short).rejects.toBeInstanceOf(DeadlineExceededError);
      source.pool.open();
      expect(await long).toEqual(rowOf('long'));
      expect(source.sent).toEqual([['long']]);
    });

    it('that has passed for all sends nothing, and the next lookup is answered', async () => {
      source.pool.shut();
      const outcomes = await Promise.allSettled([find('a', 30), find('b', 60), find('a', 90)]);
      expect(outcomes.map(({ status }) => status)).toEqual(Array(3).fill('rejected'));
      source.pool.open();
      expect(await find('c')).toEqual(rowOf('c'));
      expect(source.sent).toEqual([['c']]);
    });

    it('is its own for each of those who ask for one token', async () => {
      source.server.shut();
      const [short, long] = [find('a', 50), find('a')];
      await expect(short).rejects.toBeInstanceOf(DeadlineExceededError);
      source.server.open();
      expect(await long).toEqual(rowOf('a'));
    });

    it('that is later than those of its batch is kept to', async () => {
      source.server.shut();
      const [short, long] = [find('short', 300), find('long')];
      await expect(short).rejects.toBeInstanceOf(DeadlineExceededError);
      // The statement's own, which began a turn later, has passed as well.
      await pause(100);
      source.server.open();
      expect(await long).toEqual(rowOf('long'));
    });

    it('takes a statement’s batch with it only once it was sent', async () => {
      source.pool.shut();
      const short = find('short', 30);
      await expect(short).rejects.toBeInstanceOf(DeadlineExceededError);
      await pause(50);
      source.pool.open();
      const later = find('later');
      // As a pool may, which gives a connection to a statement that was given up.
      expect(source.take[0]?.()).toEqual([]);
      expect(await later).toEqual(rowOf('later'));
      expect(source.sent).toEqual([['later']]);
    });
  });

  it('turns away who comes when 10,000 wait, and takes them when those have gone', async () => {
    source.pool.shut();
    const waiting = numbered(MAX_WAITING).map((digest) => find(digest));
    await expect(find('one more')).rejects.toBeInstanceOf(OverloadError);
    source.pool.open();
    await Promise.all(waiting);
    expect(MAX_WAITING).toBe(10_000);
    expect(source.sent).toHaveLength(100);
    expect(await find('one more')).toEqual(rowOf('one more'));
  });

  describe.each(['before', 'after'])(
    'beside Jest’s fake timers, faked %s it is loaded,',
    (when) => {
      afterEach(() => {
        jest.useRealTimers();
        jest.resetModules();
      });

      it('answers, and keeps to a deadline', async () => {
        jest.resetModules();
        if (when === 'before') jest.useFakeTimers();
        const queues = await import('../../lib/store/lookup/lookup.batcher.ts');
        const deadlines = await import('../../lib/async/deadline.ts');
        if (when === 'after') jest.useFakeTimers();
        const faked = new queues.LookupQueue(source);
        const ask = (digest: string, ms: number): Promise<Row | null> =>
          faked.find(digest, new deadlines.Deadline(ms));
        expect(await ask('a', 60_000)).toEqual(rowOf('a'));
        source.pool.shut();
        await expect(ask('b', 50)).rejects.toBeInstanceOf(deadlines.DeadlineExceededError);
        expect(jest.getTimerCount()).toBe(0);
      });
    },
  );
});
