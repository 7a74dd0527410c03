import { performance } from 'node:perf_hooks';
import { DeadlineExceededError } from '../../async/deadline.ts';
import { BATCH, type BatchMessage } from '../../async/diagnostics.ts';
import { Operation } from '../../async/operation.ts';
import { MAX_WAITING, OverloadError } from '../../async/semaphore.ts';
import { clearTimeout, nextTick, setImmediate, setTimeout } from '../../async/system-timers.ts';
import type { Connection, Database } from '../../database/database.ts';
import { sql } from '../../database/sql.ts';
import { CopyBudget, copyRows } from './row.copy.ts';
import type { Hydrate, TokenQuery, TokenRows } from './token.query.ts';

/**
 * With so many queued lookups and no running statement, send at once. Otherwise the database idles while this process
 * reads the remaining requests of the turn.
 */
const EAGER_BATCH_SIZE = 16;

/** The shortest time between two looks for lookups that are overdue, in milliseconds. */
const MIN_TIMER_MS = 5;

/** Succeeds on every connection that is good. */
const PROBE = sql`SELECT 1`;

/** A token's rows, and what makes an entity of them. */
interface LoadedToken<Token> {
  readonly rows: TokenRows;
  readonly hydrate: Hydrate<Token>;
  /** What the connection is kept for. */
  readonly hydrations: Promise<unknown>[];
}

/** A lookup that has no rows yet. */
interface PendingLookup<Token> {
  /** How many came before it. */
  readonly arrival: number;
  readonly op: Operation;
  isSettled: boolean;
  resolve(loaded: LoadedToken<Token> | null): void;
  reject(error: unknown): void;
}

/** All lookups of one token that are answered from the same rows. */
interface DigestGroup<Token> {
  readonly digest: string;
  readonly lookups: PendingLookup<Token>[];
}

/**
 * Asks for all tokens that are looked up in one turn of the event loop in one statement, and in the same one for those
 * that come while it waits for a connection. No lookup joins a statement that was sent: an answer that is older than
 * its question could accept a token that was revoked in between.
 *
 * Lists of users' tokens go the same way: there the user's key stands for the digest, and all of the user's tokens for
 * the one.
 */
export class LookupBatcher<Token> {
  readonly #database: Database;
  readonly #query: () => TokenQuery<Token>;
  readonly #realm: string;
  readonly #scale: number;
  /**
   * Lookups that no statement has asked for, by digest, the oldest first. A batch that takes them all leaves a new map:
   * one that grows and shrinks for ever leaves a chain of tables behind, which keeps requests alive until V8's next full
   * garbage collection.
   */
  #queued = new Map<string, DigestGroup<Token>>();
  /** Those that a run has taken. */
  readonly #batches: (readonly DigestGroup<Token>[])[] = [];
  /** How many lookups are queued or in a batch, and not settled. */
  #pending = 0;
  /** Runs that have no connection yet: each takes a batch from the queue when it gets one. */
  #acquiring = 0;
  /** All runs, with or without a connection. */
  #running = 0;
  #arrivals = 0;
  #isScheduled = false;
  #isEager = false;
  #timer: NodeJS.Timeout | undefined;
  #timerAt = Number.POSITIVE_INFINITY;

  /**
   * @param query is asked once for each batch
   * @param scale how many times as many digests as the query's `maxBatch` make a batch
   */
  constructor(database: Database, query: () => TokenQuery<Token>, realm: string, scale = 1) {
    this.#database = database;
    this.#query = query;
    this.#realm = realm;
    this.#scale = scale;
  }

  /**
   * The token of this digest with its owner, or null. The entity is the caller's alone, and the application's code that
   * makes it runs in the caller's async context: after each await here, we are back in that context.
   *
   * @throws DeadlineExceededError, OverloadError, the driver's error, and what the application's code throws
   */
  async find(digest: string, op: Operation): Promise<Token | null> {
    for (;;) {
      const loaded = await this.#enqueue(digest, op);
      if (loaded === null) return null;
      const hydration = loaded.hydrate(loaded.rows);
      if (!(hydration instanceof Promise)) return hydration;
      loaded.hydrations.push(hydration);
      try {
        return await op.race(hydration);
      } catch (error) {
        // A statement of the hydration met a lock: ask again.
        if (!this.#isTransient(error)) throw error;
      }
    }
  }

  #enqueue(digest: string, op: Operation): Promise<LoadedToken<Token> | null> {
    return new Promise((resolve, reject) => {
      if (this.#pending >= MAX_WAITING) throw new OverloadError();
      const lookup = { arrival: this.#arrivals++, op, isSettled: false, resolve, reject };
      this.#pending++;
      if (op.deadline.endsAt < this.#timerAt) this.#setTimer(op.deadline.endsAt);
      this.#queue(digest, lookup);
    });
  }

  #queue(digest: string, lookup: PendingLookup<Token>): void {
    const group = this.#queued.get(digest);
    if (group) group.lookups.push(lookup);
    else this.#queued.set(digest, { digest, lookups: [lookup] });
    this.#schedule();
  }

  #schedule(): void {
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      setImmediate(this.#flushTurn);
    }
    if (this.#queued.size < EAGER_BATCH_SIZE || this.#running > 0 || this.#isEager) return;
    this.#isEager = true;
    // After all lookups that are made in one go.
    nextTick(this.#flushEagerly);
  }

  readonly #flushTurn = (): void => {
    this.#isScheduled = false;
    this.#flushEagerly();
  };

  readonly #flushEagerly = (): void => {
    this.#isEager = false;
    const runs = Math.ceil(this.#queued.size / this.#maxBatch());
    while (this.#acquiring < runs) void this.#run();
  };

  /** Acquires a connection, and then takes a batch, so that lookups may join while it waits. */
  async #run(): Promise<void> {
    this.#acquiring++;
    this.#running++;
    const begun = this.#arrivals;
    const [oldest] = this.#queued.values();
    const op = Operation.within(oldest?.lookups[0]?.op.deadline.timeoutMs ?? 0);
    let batch: readonly DigestGroup<Token>[] | undefined;
    try {
      await this.#database.connect('lookup', op, (connection) => {
        // After a transient error it is called again, with the same batch.
        if (!batch) this.#batches.push((batch = this.#takeBatch(op)));
        return this.#answer(batch, connection, op);
      });
    } catch (error) {
      if (batch) {
        for (const { lookups } of batch) this.#rejectAll(lookups, error);
      } else {
        // Should the connection come after all, there is nothing to ask.
        batch = [];
        this.#acquiring--;
        this.#rejectQueued(begun, error);
      }
    } finally {
      this.#running--;
      const place = batch ? this.#batches.indexOf(batch) : -1;
      if (place !== -1) this.#batches.splice(place, 1);
    }
  }

  /**
   * Fails the lookups that were waiting when this run began; later ones may still get a connection. After a timeout it
   * fails none: the timer rejects those whose own deadline has passed.
   */
  #rejectQueued(begun: number, error: unknown): void {
    const isTimeout = error instanceof DeadlineExceededError;
    const groups = isTimeout ? [] : [...this.#queued.values()].slice(0, this.#maxBatch());
    for (const group of groups) {
      this.#rejectAll(
        group.lookups.filter(({ arrival }) => arrival < begun),
        error,
      );
    }
    this.#dropSettled();
    if (this.#queued.size > 0) this.#schedule();
  }

  #takeBatch(op: Operation): readonly DigestGroup<Token>[] {
    this.#acquiring--;
    const maxBatch = this.#maxBatch();
    const groups: DigestGroup<Token>[] = [];
    for (const group of this.#queued.values()) {
      if (groups.length === maxBatch) break;
      for (const lookup of group.lookups) op.deadline.extendTo(lookup.op.deadline);
      groups.push(group);
    }
    // Under overload, a copy of what is left would cost more than the batch.
    if (groups.length === this.#queued.size) this.#queued = new Map();
    else for (const { digest } of groups) this.#queued.delete(digest);
    if (this.#queued.size > 0) this.#schedule();
    return groups;
  }

  /** Gives each lookup its rows, and keeps the connection until all have hydrated theirs. */
  async #answer(
    groups: readonly DigestGroup<Token>[],
    connection: Connection,
    op: Operation,
  ): Promise<void> {
    const asked = groups.filter(this.#isAsked);
    if (asked.length === 0) return;
    const query = this.#query();
    const hydrate = query.hydration(connection);
    const hydrations: Promise<unknown>[] = [];
    const budget = new CopyBudget();
    const load = async (some: readonly DigestGroup<Token>[]): Promise<void> => {
      const digests = some.map(({ digest }) => digest);
      const publish = BATCH.hasSubscribers ? this.#describe(some) : undefined;
      const found = await query.load(connection, digests);
      publish?.();
      for (const group of some) {
        const rows = found.get(group.digest);
        if (rows) this.#settleOne(group, { rows, hydrate, hydrations }, budget);
        else for (const lookup of group.lookups) this.#resolve(lookup, null);
      }
    };
    try {
      await this.#loadAll(asked, load, connection, op);
    } finally {
      // Each `find` has started its hydration by now, because its promise was resolved earlier. Wait for them: a
      // hydration must not query a connection that another operation uses.
      if (hydrations.length > 0) await Promise.allSettled(hydrations);
    }
  }

  /** Gives the function that tells of a statement for these lookups once its rows are there. */
  #describe(groups: readonly DigestGroup<Token>[]): () => void {
    const sentAt = performance.now();
    const oldest = Math.min(
      ...groups.flatMap(({ lookups }) => lookups.map(({ op }) => op.deadline.startedAt)),
    );
    return () => {
      const message: BatchMessage = {
        realm: this.#realm,
        size: groups.length,
        waitMs: sentAt - oldest,
        durationMs: performance.now() - sentAt,
      };
      BATCH.publish(message);
    };
  }

  /**
   * Loads all groups at once. If that fails though the connection is good, one row may be the cause, such as one that
   * the driver cannot parse: then each group is asked for alone, so that only the lookups of that row fail.
   */
  async #loadAll(
    groups: readonly DigestGroup<Token>[],
    load: (some: readonly DigestGroup<Token>[]) => Promise<void>,
    connection: Connection,
    op: Operation,
  ): Promise<void> {
    try {
      await load(groups);
    } catch (error) {
      if (this.#isTransient(error) || !(await isGood(connection, op))) throw error;
      for (const group of groups) {
        if (groups.length === 1) this.#rejectAll(group.lookups, error);
        else await this.#loadAll([group], load, connection, op);
      }
    }
  }

  /**
   * No two lookups get the same object, nor anything in it. Those for which there is no copy ask for the row again, in
   * the next batch. Copies are made before the first lookup goes on, which may change what is in its rows.
   */
  #settleOne(group: DigestGroup<Token>, loaded: LoadedToken<Token>, budget: CopyBudget): void {
    // Most tokens are asked for once in a batch.
    if (group.lookups.length === 1) {
      this.#resolve(group.lookups.pop() as PendingLookup<Token>, loaded);
      return;
    }
    const [first, ...others] = group.lookups.splice(0).filter(this.#isPending);
    let isCopyable = true;
    for (const lookup of others) {
      const rows: TokenRows | undefined = isCopyable ? copyRows(loaded.rows, budget) : undefined;
      if (rows) this.#resolve(lookup, { ...loaded, rows });
      else this.#queue(group.digest, lookup);
      isCopyable = rows !== undefined;
    }
    if (first) this.#resolve(first, loaded);
  }

  #maxBatch(): number {
    return this.#query().maxBatch * this.#scale;
  }

  #isTransient(error: unknown): boolean {
    return this.#database.classify(error) === 'transient';
  }

  readonly #isPending = ({ isSettled }: PendingLookup<Token>): boolean => !isSettled;

  readonly #isAsked = ({ lookups }: DigestGroup<Token>): boolean => lookups.some(this.#isPending);

  #dropSettled(): void {
    this.#queued = new Map([...this.#queued].filter(([, group]) => this.#isAsked(group)));
  }

  #resolve(lookup: PendingLookup<Token>, loaded: LoadedToken<Token> | null): void {
    if (this.#settle(lookup)) lookup.resolve(loaded);
  }

  #reject(lookup: PendingLookup<Token>, error: unknown): void {
    if (this.#settle(lookup)) lookup.reject(error);
  }

  /** False if it was settled before. */
  #settle(lookup: PendingLookup<Token>): boolean {
    if (lookup.isSettled) return false;
    lookup.isSettled = true;
    this.#pending--;
    return true;
  }

  #rejectAll(lookups: readonly PendingLookup<Token>[], error: unknown): void {
    for (const lookup of lookups) this.#reject(lookup, error);
  }

  /** One timer for all: a timer for each request costs more than its row. */
  #setTimer(at: number): void {
    clearTimeout(this.#timer);
    this.#timerAt = at;
    this.#timer = setTimeout(this.#rejectOverdue, Math.max(MIN_TIMER_MS, at - performance.now()));
    // A request holds the process by its socket; the timer must not.
    this.#timer.unref();
  }

  readonly #rejectOverdue = (): void => {
    let next = Number.POSITIVE_INFINITY;
    let error: DeadlineExceededError | undefined;
    const now = performance.now();
    const groups = [...this.#queued.values(), ...this.#batches.flat()];
    for (const lookup of groups.flatMap(({ lookups }) => lookups.filter(this.#isPending))) {
      const { deadline } = lookup.op;
      // Within the millisecond, as timers may be early.
      if (deadline.endsAt > now + 1) {
        next = Math.min(next, deadline.endsAt);
        continue;
      }
      const own = deadline.expire();
      // One for all, so that they are one line in the log.
      error ??= own;
      this.#reject(lookup, error);
    }
    this.#timerAt = Number.POSITIVE_INFINITY;
    if (next < this.#timerAt) this.#setTimer(next);
    this.#dropSettled();
  };
}

/** If the server is gone or overloaded, asking for each row alone would only add to its load. */
async function isGood(connection: Connection, { deadline }: Operation): Promise<boolean> {
  if (deadline.remaining === 0) return false;
  try {
    await connection.query(PROBE);
    return true;
  } catch {
    return false;
  }
}
