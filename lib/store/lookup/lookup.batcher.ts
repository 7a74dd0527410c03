import { performance } from 'node:perf_hooks';
import { DeadlineExceededError, Deadline } from '../../async/deadline.ts';
import { clearTimeout, nextTick, setImmediate, setTimeout } from '../../async/system-timers.ts';
import { MAX_WAITING, OverloadError } from '../../async/semaphore.ts';

/** How many digests one statement asks for. */
const LARGEST_BATCH = 100;

/**
 * So many need not wait for the end of the turn if the database is idle: it works on them while this
 * process reads the requests behind them, and neither waits for the other.
 */
const EARLY_BATCH = 16;

/** The shortest time between two looks at who has waited for too long, in milliseconds. */
const ALARM_PAUSE_MS = 5;

/** Where rows come from, and what becomes of them. */
export interface LookupSource<Row, Found> {
  /**
   * Asks for what `take` gives once there is a connection to ask on, and not at all if that is nothing;
   * after a failure that may pass, asks `take` again. The rows by their digests.
   */
  fetch(take: () => readonly string[], deadline: Deadline): Promise<ReadonlyMap<string, Row>>;
  read(row: Row): Found;
  /** A row that shares nothing that could be changed with this one; undefined where that can't be had. */
  copy(row: Row): Row | undefined;
}

interface Waiter<Found> {
  /** How many had come before. */
  readonly arrival: number;
  readonly deadline: Deadline;
  resolve(found: Found | null): void;
  reject(error: unknown): void;
}

/** All that ask for the same token at once. */
interface Group<Found> {
  readonly digest: string;
  readonly waiters: Waiter<Found>[];
}

/**
 * Asks for all tokens that are looked up in one turn of the event loop in one statement, or in two where
 * many are, and in the same one for those that come while it waits for a connection. Nobody joins a statement that was
 * sent, so that each gets an answer that is younger than its question.
 */
export class LookupQueue<Row, Found> {
  readonly #source: LookupSource<Row, Found>;
  /** Those whose question was not sent yet, by their digests, the oldest first. */
  readonly #unsent = new Map<string, Group<Found>>();
  /** All that have no answer yet. */
  readonly #open = new Set<Waiter<Found>>();
  /** Statements that have no connection yet: each takes what is unsent when it gets one. */
  #waitingStatements = 0;
  /** Statements that have no answer yet, with or without a connection. */
  #statements = 0;
  #arrivals = 0;
  #isScheduled = false;
  #isEarly = false;
  #alarm: NodeJS.Timeout | undefined;
  #alarmAt = Number.POSITIVE_INFINITY;

  constructor(source: LookupSource<Row, Found>) {
    this.#source = source;
  }

  /** @throws DeadlineExceededError, OverloadError, and what `fetch` and `read` throw */
  find(digest: string, deadline: Deadline): Promise<Found | null> {
    return new Promise((resolve, reject) => {
      if (this.#open.size >= MAX_WAITING) throw new OverloadError();
      const waiter = { arrival: this.#arrivals++, deadline, resolve, reject };
      this.#open.add(waiter);
      if (deadline.endsAt < this.#alarmAt) this.#setAlarm(deadline.endsAt);
      this.#enqueue(digest, waiter);
    });
  }

  #enqueue(digest: string, waiter: Waiter<Found>): void {
    const group = this.#unsent.get(digest);
    if (group) group.waiters.push(waiter);
    else this.#unsent.set(digest, { digest, waiters: [waiter] });
    this.#schedule();
  }

  #schedule(): void {
    if (!this.#isScheduled) {
      this.#isScheduled = true;
      setImmediate(this.#flushTurn);
    }
    if (this.#unsent.size < EARLY_BATCH || this.#statements > 0 || this.#isEarly) return;
    this.#isEarly = true;
    // Not before all that was asked for in one go is there.
    nextTick(this.#flushEarly);
  }

  readonly #flushTurn = (): void => {
    this.#isScheduled = false;
    this.#isEarly = false;
    this.#flush();
  };

  readonly #flushEarly = (): void => {
    this.#isEarly = false;
    this.#flush();
  };

  #flush(): void {
    const statements = Math.ceil(this.#unsent.size / LARGEST_BATCH);
    while (this.#waitingStatements < statements) void this.#ask();
  }

  async #ask(): Promise<void> {
    this.#waitingStatements++;
    this.#statements++;
    let batch: Group<Found>[] | undefined;
    const begun = this.#arrivals;
    const [oldest] = this.#unsent.values();
    const deadline = new Deadline(oldest?.waiters[0]?.deadline.timeoutMs ?? 0);
    const take = (): string[] => {
      batch ??= this.#take(deadline);
      return batch.filter(this.#isAsked).map(({ digest }) => digest);
    };
    try {
      this.#answer(await this.#source.fetch(take, deadline), batch ?? []);
    } catch (error) {
      if (batch) {
        for (const { waiters } of batch) for (const waiter of waiters) this.#reject(waiter, error);
        return;
      }
      // It has nothing to ask, should it get its connection after all.
      batch = [];
      this.#waitingStatements--;
      this.#rejectUnsent(begun, error);
    } finally {
      this.#statements--;
    }
  }

  /**
   * Whoever came after a statement was begun hoped for a connection that others had waited for; it may
   * have been opened to a server that is gone, and is no reason to turn away who can have another. A deadline
   * is over for those only whose own it is.
   */
  #rejectUnsent(begun: number, error: unknown): void {
    const over =
      error instanceof DeadlineExceededError ? performance.now() + 1 : Number.POSITIVE_INFINITY;
    for (const { digest, waiters } of [...this.#unsent.values()].slice(0, LARGEST_BATCH)) {
      for (const waiter of waiters) {
        const { arrival, deadline } = waiter;
        if (arrival < begun && deadline.endsAt <= over) this.#reject(waiter, error);
      }
      if (!waiters.some(this.#isOpen)) this.#unsent.delete(digest);
    }
    if (this.#unsent.size > 0) this.#schedule();
  }

  #take(deadline: Deadline): Group<Found>[] {
    this.#waitingStatements--;
    const batch: Group<Found>[] = [];
    for (const [digest, group] of this.#unsent) {
      if (batch.length === LARGEST_BATCH) break;
      this.#unsent.delete(digest);
      for (const waiter of group.waiters) deadline.extendTo(waiter.deadline);
      batch.push(group);
    }
    return batch;
  }

  #answer(rows: ReadonlyMap<string, Row>, batch: Group<Found>[]): void {
    for (const group of batch) {
      const row = rows.get(group.digest);
      if (row !== undefined) this.#share(row, group);
      else for (const waiter of group.waiters) this.#resolve(waiter, null);
    }
  }

  /** No two get the same object, nor anything in it. */
  #share(row: Row, { digest, waiters }: Group<Found>): void {
    const [first, ...others] = waiters;
    const copies = this.#copies(row, others.length);
    if (first) this.#give(row, first);
    for (const [index, waiter] of others.entries()) {
      const copy = copies[index];
      if (copy === undefined) this.#enqueue(digest, waiter);
      else this.#give(copy, waiter);
    }
  }

  /** So many, or those before the first that can't be had: JSON may be nested deeper than the stack is. */
  #copies(row: Row, count: number): Row[] {
    const copies: Row[] = [];
    try {
      while (copies.length < count) {
        const copy = this.#source.copy(row);
        if (copy === undefined) break;
        copies.push(copy);
      }
    } catch {
      // The rest ask for a row of their own.
    }
    return copies;
  }

  /** A row that can't be read fails nobody else. */
  #give(row: Row, waiter: Waiter<Found>): void {
    try {
      this.#resolve(waiter, this.#source.read(row));
    } catch (error) {
      this.#reject(waiter, error);
    }
  }

  readonly #isOpen = (waiter: Waiter<Found>): boolean => this.#open.has(waiter);

  readonly #isAsked = ({ waiters }: Group<Found>): boolean => waiters.some(this.#isOpen);

  #resolve(waiter: Waiter<Found>, found: Found | null): void {
    if (this.#open.delete(waiter)) waiter.resolve(found);
  }

  #reject(waiter: Waiter<Found>, error: unknown): void {
    if (this.#open.delete(waiter)) waiter.reject(error);
  }

  /** One timer for all: a timer for each request costs more than its row. */
  #setAlarm(at: number): void {
    clearTimeout(this.#alarm);
    this.#alarmAt = at;
    this.#alarm = setTimeout(this.#ring, Math.max(ALARM_PAUSE_MS, at - performance.now()));
    // Whoever waits holds a socket or a process that is busy; an alarm alone holds nothing.
    this.#alarm.unref();
  }

  readonly #ring = (): void => {
    let next = Number.POSITIVE_INFINITY;
    const now = performance.now();
    for (const waiter of this.#open) {
      // Within the millisecond: timers may be early.
      if (waiter.deadline.endsAt > now + 1) next = Math.min(next, waiter.deadline.endsAt);
      else this.#reject(waiter, waiter.deadline.expire());
    }
    this.#alarmAt = Number.POSITIVE_INFINITY;
    if (next < this.#alarmAt) this.#setAlarm(next);
    for (const [digest, group] of this.#unsent) {
      if (!this.#isAsked(group)) this.#unsent.delete(digest);
    }
  };
}
