import { performance } from 'node:perf_hooks';
import { BackgroundTasks } from '../async/background-tasks.ts';
import { Operation } from '../async/operation.ts';
import type { AbstractAuthToken } from '../entities/abstract-auth-token.entity.ts';
import type { EventPublisher } from '../events/event.publisher.ts';
import { logFault } from '../events/fault.log.ts';
import { TokenExpiredEvent } from '../events/knox.events.ts';
import { MAX_TIMER_MS } from '../options/duration.ts';
import type { KnoxSettings } from '../options/runtime-options.ts';
import type { DeletedBatch, TokenStore } from '../store/token.store.ts';

/** By how much a pause is shorter or longer than the interval, so that processes do not prune in step. */
const JITTER = 0.1;

/** Deletes expired tokens every `pruneInterval`, in the background. */
export class TokenPruner<Token extends AbstractAuthToken = AbstractAuthToken> {
  readonly #settings: KnoxSettings;
  readonly #store: TokenStore<Token>;
  readonly #events: EventPublisher;
  /** Its own, so that it can be stopped while requests are still answered. */
  readonly #tasks = new BackgroundTasks();

  constructor(settings: KnoxSettings, store: TokenStore<Token>, events: EventPublisher) {
    this.#settings = settings;
    this.#store = store;
    this.#events = events;
  }

  /** Begins with a pause. Does nothing if the option is null. */
  start(): void {
    const { pruneInterval } = this.#settings;
    if (pruneInterval === null) return;
    this.#tasks.run(() => this.#repeat(pruneInterval), logFailure);
  }

  /** Ends the pause; a batch that is being deleted is waited for, and no other begins. */
  stop(): Promise<void> {
    return this.#tasks.drain();
  }

  async #repeat(intervalMs: number): Promise<void> {
    for (;;) {
      const pause = intervalMs * (1 + JITTER * (2 * Math.random() - 1));
      await this.#tasks.sleep(Math.min(pause, MAX_TIMER_MS));
      if (this.#tasks.isClosed) return;
      try {
        await this.#prune();
      } catch (error) {
        logFailure(error);
      }
    }
  }

  /** Deletes batches until one is not full, or another process is at it. */
  async #prune(): Promise<void> {
    const now = Date.now();
    let batch: DeletedBatch | null;
    do {
      const begun = performance.now();
      batch = await this.#store.prune(now, Operation.within(this.#settings.authTimeout));
      if (batch === null) return;
      const { deleted } = batch;
      if (deleted > 0) this.#events.publish(TokenExpiredEvent, NOBODY, null, null, deleted);
      if (batch.isFull && this.#store.isInProcess)
        await this.#tasks.sleep(performance.now() - begun);
    } while (batch.isFull && !this.#tasks.isClosed);
  }
}

/** No client has asked for it. */
const NOBODY = { client: null };

function logFailure(error: unknown): void {
  logFault('Expired tokens could not be pruned', error);
}
