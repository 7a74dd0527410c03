import { performance } from 'node:perf_hooks';
import { Operation } from '../async/operation.ts';
import { clearTimeout, setTimeout } from '../async/system-timers.ts';
import { MAX_TIMER_MS } from '../options/duration.ts';
import { KnoxUnauthorizedException, KnoxUnavailableException } from '../service/knox.exceptions.ts';
import type { Recheck } from '../service/token.authenticator.ts';
import type { TokenManager } from '../service/token.manager.ts';
import type { LiveSettings } from './live-options.ts';
import { tokenWatch, type TokenWatch } from './token-watch.ts';

/** How many tokens one statement asks for. */
const BATCH_SIZE = 500;

/** By how much a pause may be shorter than it should be, so that processes do not ask in step. */
const JITTER = 0.1;

/** How long an answer may take where the interval is shorter, in milliseconds; at most `authTimeout`. */
const LEAST_TIMEOUT_MS = 2_000;

/** A token that somebody watches. */
interface WatchedToken {
  readonly digest: string;
  readonly watches: Set<AbortController>;
  /** Null: it never expires. */
  expiry: Date | null;
  /** Set when it expires before it is asked for again. */
  expiryTimer: NodeJS.Timeout | undefined;
  /** When the question was sent whose answer was that it is good, on the clock of `performance.now()`. */
  goodAt: number;
  /** Why there was no answer since. */
  fault: unknown;
}

/**
 * Watches the tokens of a realm. It asks the database for all of them once in each interval, in batches that are spread
 * over it, and hears at once of those that this process deletes. While nothing is watched, it has no timer.
 */
export class TokenPoller {
  readonly #tokens: TokenManager;
  readonly #settings: LiveSettings;
  readonly #timeoutMs: number;
  readonly #watched = new Map<string, WatchedToken>();
  /** Where the round through all of them is. A map's iterator takes in what comes, and leaves out what goes. */
  #round: Iterator<WatchedToken> | undefined;
  /** Those that have expired by the clock. Others may have refreshed them, so they are asked for out of turn. */
  readonly #expired = new Set<WatchedToken>();
  /** When the next batch of the round is due, on the clock of `performance.now()`. */
  #nextAt = 0;
  #timer: NodeJS.Timeout | undefined;
  #silenceTimer: NodeJS.Timeout | undefined;
  #polling: Promise<void> | undefined;
  #closed: KnoxUnavailableException | undefined;
  readonly #forgetDeletions: () => void;

  /** @param timeoutMs how long an answer may take at most, in milliseconds */
  constructor(tokens: TokenManager, settings: LiveSettings, timeoutMs: number) {
    this.#tokens = tokens;
    this.#settings = settings;
    this.#timeoutMs = Math.min(timeoutMs, Math.max(settings.interval, LEAST_TIMEOUT_MS));
    this.#forgetDeletions = tokens.onDeleted((digests) => {
      for (const digest of digests) this.#refuse(digest);
    });
  }

  /** @param expiry what is known of it; an answer of the database replaces it */
  watch(digest: string, expiry: Date | null): TokenWatch {
    const controller = new AbortController();
    const { signal } = controller;
    if (this.#closed) {
      controller.abort(this.#closed);
      return tokenWatch(signal, () => undefined);
    }
    let token = this.#watched.get(digest);
    if (!token) {
      token = this.#add(digest, expiry);
      this.#setExpiryTimer(token);
    }
    const watched = token;
    watched.watches.add(controller);
    return tokenWatch(signal, () => {
      watched.watches.delete(controller);
      if (watched.watches.size === 0) this.#remove(watched);
    });
  }

  /** Ends all questions and waits for the one that is under way. Nothing is aborted, because nothing was revoked. */
  async close(): Promise<void> {
    this.#closed = new KnoxUnavailableException(new Error('The application is closed.'));
    this.#forgetDeletions();
    for (const token of this.#watched.values()) this.#remove(token);
    await this.#polling;
  }

  #add(digest: string, expiry: Date | null): WatchedToken {
    const now = performance.now();
    const token: WatchedToken = {
      digest,
      watches: new Set(),
      expiry,
      expiryTimer: undefined,
      goodAt: now,
      fault: undefined,
    };
    this.#watched.set(digest, token);
    const { size } = this.#watched;
    if (size === 1) this.#nextAt = Number.POSITIVE_INFINITY;
    // One batch more: each has less time.
    if (size % BATCH_SIZE === 1) {
      this.#nextAt = Math.min(this.#nextAt, now + this.#pause());
      this.#schedule();
    }
    if (!this.#silenceTimer) this.#setSilenceTimer(now);
    return token;
  }

  #remove(token: WatchedToken): void {
    // Another token of this digest may be watched by now.
    if (this.#watched.get(token.digest) === token) this.#watched.delete(token.digest);
    clearTimeout(token.expiryTimer);
    this.#expired.delete(token);
    if (this.#watched.size > 0) return;
    clearTimeout(this.#timer);
    clearTimeout(this.#silenceTimer);
    this.#timer = this.#silenceTimer = this.#round = undefined;
  }

  #refuse(digest: string): void {
    const token = this.#watched.get(digest);
    if (token) this.#end(token, new KnoxUnauthorizedException('invalid_token'));
  }

  #end(token: WatchedToken, reason: unknown): void {
    this.#remove(token);
    for (const controller of token.watches) controller.abort(reason);
    token.watches.clear();
  }

  /** Between two batches of the round. */
  #pause(): number {
    const batches = Math.max(1, Math.ceil(this.#watched.size / BATCH_SIZE));
    return (this.#settings.interval / batches) * (1 - JITTER * Math.random());
  }

  #schedule(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#polling || this.#watched.size === 0) return;
    const wait = this.#expired.size > 0 ? 0 : this.#nextAt - performance.now();
    this.#timer = setTimeout(this.#poll, Math.max(0, wait)).unref();
  }

  readonly #poll = (): void => {
    const now = performance.now();
    // Within the millisecond, as timers may be early.
    const isDue = now + 1 >= this.#nextAt;
    // From when it was due: on a busy machine, the round would last longer and longer.
    if (isDue) this.#nextAt = Math.max(now, this.#nextAt + this.#pause());
    const asked = isDue ? this.#nextBatch() : [...this.#expired].slice(0, BATCH_SIZE);
    for (const token of asked) this.#expired.delete(token);
    this.#polling = this.#askAll(asked).finally(() => {
      this.#polling = undefined;
      this.#schedule();
    });
  };

  /**
   * The next batch of the round; the same number in each. The next round begins in the batch in which one ends: if that
   * held only those that came since, all others would be asked for in every second interval.
   */
  #nextBatch(): WatchedToken[] {
    const { size } = this.#watched;
    const count = Math.ceil(size / Math.ceil(size / BATCH_SIZE));
    const batch: WatchedToken[] = [];
    while (batch.length < count) {
      this.#round ??= this.#watched.values();
      const next = this.#round.next();
      if (next.done) this.#round = undefined;
      else batch.push(next.value);
    }
    return batch;
  }

  async #askAll(tokens: readonly WatchedToken[]): Promise<void> {
    if (tokens.length === 0) return;
    const sentAt = performance.now();
    const digests = tokens.map(({ digest }) => digest);
    const verdicts = await this.#recheckAll(digests);
    let isAnswered = false;
    for (const [index, token] of tokens.entries()) {
      const verdict = verdicts[index] as Recheck;
      isAnswered ||= verdict.ok !== null;
      // Nobody watches it any more.
      if (token.watches.size > 0) this.#apply(verdict, token, sentAt);
    }
    // The database is down: ask it no more often for many tokens than for few.
    if (!isAnswered) this.#nextAt = Math.max(this.#nextAt, sentAt + this.#settings.interval);
  }

  async #recheckAll(digests: readonly string[]): Promise<readonly Recheck[]> {
    try {
      return await this.#tokens.recheckAll(digests, Operation.within(this.#timeoutMs));
    } catch (fault) {
      return digests.map(() => ({ ok: null, fault }));
    }
  }

  #apply(verdict: Recheck, token: WatchedToken, sentAt: number): void {
    if (verdict.ok) {
      token.goodAt = sentAt;
      token.fault = undefined;
      token.expiry = verdict.expiry;
      this.#setExpiryTimer(token);
    } else if (verdict.ok === null) {
      // Neither good nor revoked. If that lasts, the timer of silence closes it.
      token.fault = verdict.fault;
    } else {
      this.#end(token, new KnoxUnauthorizedException(verdict.code));
    }
  }

  /** Has the token asked for when it expires, if it would not be asked for soon anyway. */
  #setExpiryTimer(token: WatchedToken): void {
    clearTimeout(token.expiryTimer);
    token.expiryTimer = undefined;
    if (token.expiry === null) return;
    const left = token.expiry.getTime() - Date.now();
    // Until then it is asked for once more at least.
    if (left > 2 * this.#settings.interval) return;
    const timer = setTimeout(
      () => {
        this.#expired.add(token);
        this.#schedule();
      },
      // A longer delay would end at once. The answer sets the timer again.
      Math.min(Math.max(1, left), MAX_TIMER_MS),
    );
    token.expiryTimer = timer.unref();
  }

  /** Wakes up when the token that was longest good would be closed, had it had no answer since. */
  #setSilenceTimer(oldest: number): void {
    const wait = oldest + this.#settings.failAfter - performance.now();
    this.#silenceTimer = setTimeout(this.#closeSilent, Math.max(1, wait)).unref();
  }

  readonly #closeSilent = (): void => {
    const now = performance.now();
    let oldest = now;
    for (const token of this.#watched.values()) {
      // Within the millisecond, as timers may be early.
      if (token.goodAt + this.#settings.failAfter <= now + 1) this.#end(token, unavailable(token));
      else oldest = Math.min(oldest, token.goodAt);
    }
    // Who was told of an end may have begun to watch again, and so have set it.
    clearTimeout(this.#silenceTimer);
    if (this.#watched.size > 0) this.#setSilenceTimer(oldest);
  };
}

function unavailable({ fault }: WatchedToken): KnoxUnavailableException {
  return fault instanceof KnoxUnavailableException
    ? fault
    : new KnoxUnavailableException(fault ?? new Error('The database gave no answer in time.'));
}
