import { AsyncLocalStorage } from 'node:async_hooks';
import { setImmediate as turn, setTimeout as pause } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import { DeadlineExceededError } from '../../lib/async/deadline.ts';
import { Operation } from '../../lib/async/operation.ts';
import { MAX_WAITING, OverloadError } from '../../lib/async/semaphore.ts';
import type { Connection, Database, Row } from '../../lib/database/database.ts';
import type { AbstractAuthToken } from '../../lib/index.ts';
import { LookupBatcher } from '../../lib/store/lookup/lookup.batcher.ts';
import type { Hydrate, TokenRows } from '../../lib/store/lookup/token.query.ts';

/** What the fake query makes of a row. */
interface Token extends AbstractAuthToken {
  digest: string;
  tags: unknown;
}

class TransientError extends Error {}

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
class FakeDatabase {
  /** What each statement asked for, in the order they were sent. */
  readonly sent: string[][] = [];
  readonly pool = new Gate();
  readonly server = new Gate();
  /** Gives the next runs no connection. */
  readonly refusals: Error[] = [];
  /** Fails the next statements, one for each. */
  readonly failures: Error[] = [];
  /** Fails each statement that asks for this digest, as a driver does that cannot parse the row. */
  unparsable: string | undefined;
  isConnectionLost = false;
  probes = 0;
  /** What to wait for before work that met a transient error is begun again. */
  retry: Promise<unknown> = Promise.resolve();
  readonly works: (() => Promise<unknown>)[] = [];
  /** What became of the work: an error may cost the connection. */
  readonly results: Promise<unknown>[] = [];
  /** How many connections are held by work that is not over. */
  held = 0;

  classify(error: unknown): 'transient' | 'fault' {
    return error instanceof TransientError ? 'transient' : 'fault';
  }

  connect<T>(_: unknown, op: Operation, work: (connection: Connection) => Promise<T>): Promise<T> {
    const connection = { query: () => this.#probe() } as unknown as Connection;
    const held = (): Promise<T> => {
      this.held++;
      const result = work(connection).finally(() => this.held--);
      this.results.push(result);
      return result;
    };
    this.works.push(held);
    return op.race(this.#work(op, held));
  }

  async #work<T>(op: Operation, work: () => Promise<T>): Promise<T> {
    await this.pool.passage;
    const refusal = this.refusals.shift();
    if (refusal) throw refusal;
    op.deadline.throwIfPassed();
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof TransientError)) throw error;
      await this.retry;
      return this.#work(op, work);
    }
  }

  async load(digests: readonly string[]): Promise<Map<string, TokenRows>> {
    this.sent.push([...digests]);
    await this.server.passage;
    const failure = this.failures.shift();
    if (failure) throw failure;
    const { unparsable } = this;
    if (unparsable && digests.includes(unparsable)) throw new Error(`Unparsable: ${unparsable}`);
    return new Map(digests.filter(isKnown).map((digest) => [digest, [rowOf(digest)]]));
  }

  #probe(): Promise<unknown> {
    this.probes++;
    return this.isConnectionLost ? Promise.reject(new Error('lost')) : Promise.resolve();
  }
}

const context = new AsyncLocalStorage<string>();

/** Hydrates as ColumnQuery does, at once, or as EntityQuery does, on the connection. */
class FakeQuery {
  maxBatch = 100;
  readonly #database: FakeDatabase;
  readonly #isAsync: boolean;
  /** The context in which each token was hydrated, by its digest. */
  readonly contexts: [string, string | undefined][] = [];

  constructor(database: FakeDatabase, isAsync: boolean) {
    this.#database = database;
    this.#isAsync = isAsync;
  }

  load(_: Connection, digests: readonly string[]): Promise<ReadonlyMap<string, TokenRows>> {
    return this.#database.load(digests);
  }

  hydration(): Hydrate<Token> {
    return this.#isAsync ? (rows) => this.hydrateSlowly(rows) : (rows) => this.hydrate(rows);
  }

  async hydrateSlowly(rows: TokenRows): Promise<Token> {
    await turn();
    return this.hydrate(rows);
  }

  hydrate([row]: TokenRows): Token {
    const { digest, tags } = row as Row & Token;
    this.contexts.push([digest, context.getStore()]);
    if (digest.startsWith('broken')) throw new Error(`Unreadable: ${digest}`);
    return { digest, tags } as Token;
  }
}

const isKnown = (digest: string): boolean => !digest.startsWith('no');

/** Its tags can't be copied, or are too many, if its digest says so. */
function rowOf(digest: string): Row {
  if (digest.startsWith('odd')) return { digest, tags: new Map() };
  if (digest.startsWith('large')) return { digest, tags: Array<string>(20_000).fill('a') };
  if (digest.startsWith('deep'))
    return { digest, tags: JSON.parse('['.repeat(9_000) + ']'.repeat(9_000)) as unknown };
  return { digest, tags: ['a'] };
}

const numbered = (count: number): string[] =>
  Array.from({ length: count }, (_, index) => `d${String(index)}`);

describe.each(['at once', 'on the connection'])('LookupBatcher, hydrating %s,', (how) => {
  let database: FakeDatabase;
  let query: FakeQuery;
  let batcher: LookupBatcher<Token>;
  beforeEach(() => {
    database = new FakeDatabase();
    query = new FakeQuery(database, how === 'on the connection');
    batcher = new LookupBatcher(database as unknown as Database, () => query, 'api');
  });

  const find = (digest: string, ms = 60_000): Promise<Token | null> =>
    batcher.find(digest, Operation.within(ms));

  describe('batches', () => {
    it('ask for all lookups of one turn in one statement, and give each its own', async () => {
      const digests = [...numbered(5), 'nobody'];
      const found = await Promise.all(digests.map((digest) => find(digest)));
      expect(database.sent).toEqual([digests]);
      expect(found).toEqual([...numbered(5).map(rowOf), null]);
    });

    it('match rows by their digests, in whatever order they come', async () => {
      const load = query.load.bind(query);
      query.load = async (...args) => new Map([...(await load(...args))].reverse());
      const found = await Promise.all(['a', 'none', 'b'].map((digest) => find(digest)));
      expect(found).toEqual([rowOf('a'), null, rowOf('b')]);
    });

    it('are one for each turn of the event loop', async () => {
      const first = find('a');
      await turn();
      await turn();
      const second = find('b');
      await Promise.all([first, second]);
      expect(database.sent).toEqual([['a'], ['b']]);
    });

    it('are sent before the turn is over once sixteen wait, while none is out', async () => {
      database.server.shut();
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
      expect(database.sent).toEqual([digests.slice(0, 16)]);
      await turn();
      expect(database.sent).toEqual([digests.slice(0, 16), digests.slice(16)]);
      database.server.open();
      expect(await asked).toEqual(digests.map(rowOf));
    });

    it('are not parted where many are asked for in one go', async () => {
      const digests = numbered(40);
      const found = await Promise.all(
        digests.map((digest) => Promise.resolve().then(() => find(digest))),
      );
      expect(database.sent).toEqual([digests]);
      expect(found).toEqual(digests.map(rowOf));
    });

    it('are sent without anybody waiting for the answer of another', async () => {
      database.server.shut();
      const first = find('a');
      await turn();
      const second = find('b');
      await turn();
      await turn();
      expect(database.sent).toEqual([['a'], ['b']]);
      database.server.open();
      await Promise.all([first, second]);
    });

    it('never take in a lookup that comes after they were sent', async () => {
      database.server.shut();
      const first = find('a');
      await turn();
      await turn();
      expect(database.sent).toEqual([['a']]);
      const second = find('a');
      database.server.open();
      const [one, other] = await Promise.all([first, second]);
      expect(database.sent).toEqual([['a'], ['a']]);
      expect(one).not.toBe(other);
    });

    it('keep no answer for later', async () => {
      await find('a');
      await find('a');
      expect(database.sent).toEqual([['a'], ['a']]);
    });

    it('that get no connection fail those they were begun for, and nobody who came since', async () => {
      database.pool.shut();
      const first = find('a');
      await turn();
      await turn();
      const later = [find('b'), find('a')];
      database.refusals.push(new Error('No connection.'));
      database.pool.open();
      await expect(first).rejects.toThrow('No connection.');
      expect(await Promise.all(later)).toEqual(['b', 'a'].map(rowOf));
      expect(database.sent).toEqual([['a', 'b']]);
    });

    it('take in what comes while they wait for a connection', async () => {
      database.pool.shut();
      const first = find('a');
      await turn();
      await turn();
      const others = [find('b'), find('a')];
      await turn();
      await turn();
      database.pool.open();
      expect(await Promise.all([first, ...others])).toEqual(['a', 'b', 'a'].map(rowOf));
      expect(database.sent).toEqual([['a', 'b']]);
    });

    it('hold 100 digests at most, each of them once', async () => {
      const digests = numbered(250);
      const found = await Promise.all(digests.map((digest) => find(digest)));
      expect(found.map((row) => row?.digest)).toEqual(digests);
      expect(database.sent.map(({ length }) => length)).toEqual([100, 100, 50]);
      expect(database.sent.flat()).toEqual(digests);
    });

    it('hold 100 at most where they wait for a connection together', async () => {
      database.pool.shut();
      const finding = numbered(100).map((digest) => find(digest));
      await turn();
      await turn();
      finding.push(find('late'));
      await turn();
      await turn();
      database.pool.open();
      await Promise.all(finding);
      expect(database.sent).toEqual([numbered(100), ['late']]);
    });
  });

  describe('an error', () => {
    it('of a lost connection fails those of its batch, asks for none alone, and leaves the next turn alone', async () => {
      database.isConnectionLost = true;
      database.failures.push(new Error('gone'));
      const outcomes = await Promise.allSettled(numbered(150).map((digest) => find(digest)));
      const failed = outcomes.map(({ status }) => status === 'rejected');
      expect(failed).toEqual(numbered(150).map((_, index) => index < 100));
      expect(outcomes[0]).toMatchObject({ reason: new Error('gone') });
      expect(database.sent).toHaveLength(2);
      expect(await find('d0')).toEqual(rowOf('d0'));
    });

    it('before there was a connection fails those who wait for one, and nobody later', async () => {
      database.refusals.push(new Error('refused'));
      const outcomes = await Promise.allSettled(['a', 'b'].map((digest) => find(digest)));
      expect(outcomes).toMatchObject(Array(2).fill({ reason: new Error('refused') }));
      expect(await find('a')).toEqual(rowOf('a'));
    });

    it('of a row that the driver can’t parse fails only the lookups of that row', async () => {
      database.unparsable = 'bad';
      const digests = ['a', 'bad', 'none', 'bad', 'b', 'b'];
      const outcomes = await Promise.allSettled(digests.map((digest) => find(digest)));
      const reason = new Error('Unparsable: bad');
      const [b, bad] = [{ value: rowOf('b') }, { reason }];
      expect(outcomes).toMatchObject([{ value: rowOf('a') }, bad, { value: null }, bad, b, b]);
      const all = ['a', 'bad', 'none', 'b'];
      expect(database.sent).toEqual([all, ...all.map((digest) => [digest])]);
      expect(database.probes).toBe(2);
    });

    it('of a statement for one token is not asked for again, and costs no connection', async () => {
      database.unparsable = 'bad';
      await expect(find('bad')).rejects.toThrow('Unparsable: bad');
      expect(database.sent).toEqual([['bad']]);
      expect(await Promise.allSettled(database.results)).toEqual([{ status: 'fulfilled' }]);
    });

    it('asks for no token alone once the deadline has passed', async () => {
      database.failures.push(new Error('cancelled'));
      database.server.shut();
      const finding = Promise.allSettled([find('a', 30), find('b', 30)]);
      await pause(100);
      database.server.open();
      for (const outcome of await finding) expect(outcome.status).toBe('rejected');
      await turn();
      expect(database.sent).toEqual([['a', 'b']]);
    });

    it('that passes, met by a token that is asked for alone, has only the rest asked for again', async () => {
      database.failures.push(new Error('a bad row'));
      const load = database.load.bind(database);
      const failing = jest.spyOn(database, 'load').mockImplementation((digests) => {
        if (digests[0] === 'b' && database.sent.length === 2) {
          database.failures.push(new TransientError());
        }
        return load(digests);
      });
      const found = await Promise.all(['a', 'b', 'c'].map((digest) => find(digest)));
      expect(found).toEqual(['a', 'b', 'c'].map(rowOf));
      expect(database.sent).toEqual([['a', 'b', 'c'], ['a'], ['b'], ['b', 'c']]);
      failing.mockRestore();
    });

    it('of a row that can’t be hydrated fails only those who asked for it', async () => {
      const digests = ['a', 'broken', 'b', 'broken'];
      const outcomes = await Promise.allSettled(digests.map((digest) => find(digest)));
      const reason = new Error('Unreadable: broken');
      expect(database.sent).toEqual([['a', 'broken', 'b']]);
      expect(outcomes).toMatchObject([
        { value: rowOf('a') },
        { reason },
        { value: rowOf('b') },
        { reason },
      ]);
    });

    it('that passes has only those asked for again who still wait', async () => {
      let tryAgain = (): void => undefined;
      database.retry = new Promise<void>((resolve) => (tryAgain = resolve));
      database.failures.push(new TransientError('deadlock'));
      const [short, long] = [find('short', 50), find('long')];
      await expect(short).rejects.toBeInstanceOf(DeadlineExceededError);
      tryAgain();
      expect(await long).toEqual(rowOf('long'));
      expect(database.sent.at(-1)).toEqual(['long']);
    });
  });

  describe('one token asked for by many', () => {
    it('is one digest in the statement, and an object of its own for each', async () => {
      const found = await Promise.all(Array.from({ length: 20 }, () => find('a')));
      expect(database.sent).toEqual([['a']]);
      expect(new Set(found).size).toBe(20);
      expect(new Set(found.map((token) => token?.tags)).size).toBe(20);
      expect(found).toEqual(Array(20).fill(rowOf('a')));
    });

    it('is copied before anybody has hydrated it', async () => {
      const hydrate = query.hydrate.bind(query);
      query.hydrate = (rows) => {
        (rows[0]!.tags as string[]).push('read');
        return hydrate(rows);
      };
      const found = await Promise.all([find('a'), find('a'), find('a')]);
      expect(found.map((token) => token?.tags)).toEqual(Array(3).fill(['a', 'read']));
    });

    it('is unknown to all of them if it is to one', async () => {
      expect(await Promise.all([find('none'), find('none')])).toEqual([null, null]);
    });

    it.each([
      ['is of an unknown kind', 'odd'],
      ['is nested too deeply', 'deep'],
      ['is large', 'large'],
    ])('is asked for again for each one more, if its row %s', async (_, digest) => {
      const found = await Promise.all([find(digest), find(digest), find(digest), find('b')]);
      expect(new Set(found.slice(0, 3).map((token) => token?.tags)).size).toBe(3);
      expect(found.map((token) => token?.digest)).toEqual([digest, digest, digest, 'b']);
      expect(database.sent).toEqual([[digest, 'b'], [digest], [digest]]);
    });
  });

  it('hydrates each token in the async context of its request', async () => {
    const digests = [...numbered(20), 'd0', 'd1'];
    await Promise.all(
      digests.map((digest, index) => context.run(`request ${String(index)}`, () => find(digest))),
    );
    expect(database.sent).toHaveLength(1);
    const expected = digests.map((digest, index) => [digest, `request ${String(index)}`]);
    expect(query.contexts.sort()).toEqual(expected.sort());
  });

  describe('a deadline', () => {
    it('that has passed drops those who wait for a connection, unsent', async () => {
      database.pool.shut();
      const [short, long] = [find('short', 50), find('long')];
      await expect(short).rejects.toBeInstanceOf(DeadlineExceededError);
      database.pool.open();
      expect(await long).toEqual(rowOf('long'));
      expect(database.sent).toEqual([['long']]);
    });

    it('that has passed for all sends nothing, and the next lookup is answered', async () => {
      database.pool.shut();
      const outcomes = await Promise.allSettled([find('a', 30), find('b', 60), find('a', 90)]);
      expect(outcomes.map(({ status }) => status)).toEqual(Array(3).fill('rejected'));
      database.pool.open();
      expect(await find('c')).toEqual(rowOf('c'));
      expect(database.sent).toEqual([['c']]);
    });

    it('is its own for each of those who ask for one token', async () => {
      database.server.shut();
      const [short, long] = [find('a', 50), find('a')];
      await expect(short).rejects.toBeInstanceOf(DeadlineExceededError);
      database.server.open();
      expect(await long).toEqual(rowOf('a'));
    });

    it('that is later than those of its batch is kept to', async () => {
      database.server.shut();
      const [short, long] = [find('short', 300), find('long')];
      await expect(short).rejects.toBeInstanceOf(DeadlineExceededError);
      // The statement's own, which began a turn later, has passed as well.
      await pause(100);
      database.server.open();
      expect(await long).toEqual(rowOf('long'));
    });

    it('takes a statement’s batch with it only once it was sent', async () => {
      database.pool.shut();
      const short = find('short', 30);
      await expect(short).rejects.toBeInstanceOf(DeadlineExceededError);
      await pause(50);
      database.pool.open();
      const later = find('later');
      // As a pool may, which gives a connection to a run that was given up.
      await database.works[0]?.();
      expect(await later).toEqual(rowOf('later'));
      expect(database.sent).toEqual([['later']]);
    });
  });

  it('turns away who comes when 10,000 wait, and takes them when those have gone', async () => {
    database.pool.shut();
    const waiting = numbered(MAX_WAITING).map((digest) => find(digest));
    await expect(find('one more')).rejects.toBeInstanceOf(OverloadError);
    database.pool.open();
    await Promise.all(waiting);
    expect(MAX_WAITING).toBe(10_000);
    expect(database.sent).toHaveLength(100);
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
        const batchers = await import('../../lib/store/lookup/lookup.batcher.ts');
        const deadlines = await import('../../lib/async/deadline.ts');
        const operations = await import('../../lib/async/operation.ts');
        if (when === 'after') jest.useFakeTimers();
        const faked = new batchers.LookupBatcher(
          database as unknown as Database,
          () => query,
          'api',
        );
        const ask = (digest: string, ms: number): Promise<Token | null> =>
          faked.find(digest, operations.Operation.within(ms));
        expect(await ask('a', 60_000)).toEqual(rowOf('a'));
        database.pool.shut();
        await expect(ask('b', 50)).rejects.toBeInstanceOf(deadlines.DeadlineExceededError);
        expect(jest.getTimerCount()).toBe(0);
      });
    },
  );
});

describe('LookupBatcher, hydrating on the connection,', () => {
  let database: FakeDatabase;
  let query: FakeQuery;
  let batcher: LookupBatcher<Token>;
  beforeEach(() => {
    database = new FakeDatabase();
    query = new FakeQuery(database, true);
    batcher = new LookupBatcher(database as unknown as Database, () => query, 'api');
  });

  const find = (digest: string, ms = 60_000): Promise<Token | null> =>
    batcher.find(digest, Operation.within(ms));

  it('keeps the connection until all tokens are made', async () => {
    const hydration = new Gate();
    hydration.shut();
    query.hydrateSlowly = async (rows) => {
      if (rows[0]!.digest === 'slow') await hydration.passage;
      return query.hydrate(rows);
    };
    const slow = find('slow');
    expect(await find('fast')).toEqual(rowOf('fast'));
    expect(database.held).toBe(1);
    hydration.open();
    await slow;
    await turn();
    expect(database.held).toBe(0);
  });

  it('gives one that hangs its own deadline, and the others their tokens', async () => {
    query.hydrateSlowly = (rows) =>
      rows[0]!.digest === 'hung'
        ? new Promise(() => undefined)
        : Promise.resolve(query.hydrate(rows));
    const hung = find('hung', 50);
    const others = await Promise.all(['a', 'b'].map((digest) => find(digest, 200)));
    expect(others).toEqual(['a', 'b'].map(rowOf));
    await expect(hung).rejects.toBeInstanceOf(DeadlineExceededError);
  });

  it('asks again for a token whose hydration met a lock, and for no other', async () => {
    const errors = [new TransientError('locked')];
    query.hydrateSlowly = async (rows) => {
      await turn();
      const error = rows[0]!.digest === 'a' && errors.pop();
      if (error) throw error;
      return query.hydrate(rows);
    };
    expect(await Promise.all(['a', 'b'].map((digest) => find(digest)))).toEqual(
      ['a', 'b'].map(rowOf),
    );
    expect(database.sent).toEqual([['a', 'b'], ['a']]);
  });

  it('takes no more into a batch than the query allows, which may change at any time', async () => {
    database.pool.shut();
    const finding = numbered(60).map((digest) => find(digest));
    await turn();
    await turn();
    query.maxBatch = 25;
    database.pool.open();
    await Promise.all(finding);
    expect(database.sent.map(({ length }) => length)).toEqual([25, 25, 10]);
  });
});
