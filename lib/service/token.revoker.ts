import { performance } from 'node:perf_hooks';
import type { BackgroundTasks } from '../async/background-tasks.ts';
import { Operation } from '../async/operation.ts';
import type { AbstractAuthToken } from '../entities/abstract-auth-token.entity.ts';
import type { EventPublisher } from '../events/event.publisher.ts';
import { logFault } from '../events/fault.log.ts';
import { TokenExpiredEvent, TokenRevokedEvent } from '../events/knox.events.ts';
import type { KnoxSettings } from '../options/runtime-options.ts';
import type { DeletedBatch, OwnerKey, TokenStore } from '../store/token.store.ts';
import { digestOfAny } from './token.digest.ts';

/** Deletes tokens that are revoked or expired. Its errors are unfiltered: TokenManager decides which are faults. */
export class TokenRevoker<Token extends AbstractAuthToken> {
  readonly #settings: KnoxSettings;
  readonly #store: TokenStore<Token>;
  readonly #tasks: BackgroundTasks;
  readonly #events: EventPublisher;

  constructor(
    settings: KnoxSettings,
    store: TokenStore<Token>,
    tasks: BackgroundTasks,
    events: EventPublisher,
  ) {
    this.#settings = settings;
    this.#store = store;
    this.#tasks = tasks;
    this.#events = events;
  }

  #digestOf(tokenOrAuthToken: string | Token): string | null {
    return digestOfAny(tokenOrAuthToken, this.#store.tokenEntity, this.#settings.hashAlgorithm);
  }

  /** Deletes one token; whether there was one. @throws ArgumentError if it is neither token nor entity */
  async revoke(tokenOrAuthToken: string | Token, op: Operation): Promise<boolean> {
    const digest = this.#digestOf(tokenOrAuthToken);
    if (digest === null || !(await this.#store.delete(digest, op))) return false;
    const authToken = typeof tokenOrAuthToken === 'string' ? null : tokenOrAuthToken;
    this.#events.publish(TokenRevokedEvent, op, authToken?.user ?? null, authToken, 1);
    return true;
  }

  /** Deletes the user's tokens but one; how many. @throws ArgumentError for a user that is not an owner */
  revokeAll(user: object, except: string | Token | undefined, op: Operation): Promise<number> {
    const kept = except === undefined ? null : this.#digestOf(except);
    return this.#revokeAll(user, { except: kept, last: null }, op);
  }

  /** Deletes the user's tokens, this one last: if that fails, its holder can try again. */
  revokeAllWith(authToken: Token, op: Operation): Promise<number> {
    return this.#revokeAll(authToken.user, { except: null, last: authToken.digest }, op);
  }

  #revokeAll(
    user: object,
    which: { readonly except: string | null; readonly last: string | null },
    op: Operation,
  ): Promise<number> {
    const owner = this.#store.schema.owner.keyOf(user);
    return inBatches(
      () => op,
      () => this.#store.deleteBatch(owner, which, op),
      (count) => {
        this.#events.publish(TokenRevokedEvent, op, user, null, count);
      },
    );
  }

  /**
   * Deletes an expired token that was presented, and its owner's other expired ones: one batch now, the rest in the
   * background. The request is refused whether or not that succeeds.
   */
  async deleteExpiredOf(authToken: Token, op: Operation): Promise<void> {
    const user = authToken.user as Token['user'] | null;
    try {
      // A soft-deleted user is not loaded, so that its key is unknown here.
      const { deleted, isFull } =
        user === null
          ? await this.#store.deleteIfExpired(authToken.digest, Date.now(), op)
          : await this.#store.deleteExpired(this.#store.schema.owner.keyOf(user), Date.now(), op);
      if (deleted > 0) this.#events.publish(TokenExpiredEvent, op, user, authToken, deleted);
      if (isFull) this.scheduleCleanup(authToken.user, op);
    } catch (error) {
      logFault('Expired tokens could not be deleted', error);
    }
  }

  /** Deletes a user's expired tokens in the background. */
  scheduleCleanup(user: Token['user'], request: Operation): void {
    // Read it now: once its socket is closed, a client has no address.
    const { client } = request;
    this.#tasks.run(
      () => this.#deleteAllExpired(this.#store.schema.owner.keyOf(user), user, { client }),
      (error) => {
        logFault('Expired tokens could not be deleted', error);
      },
    );
  }

  /** Deletes everybody's expired tokens. How many they were. */
  prune(): Promise<number> {
    return this.#deleteAllExpired(null, null, { client: null });
  }

  /** Each batch may take `authTimeout`. */
  #deleteAllExpired(
    owner: OwnerKey | null,
    user: Token['user'] | null,
    cause: Pick<Operation, 'client'>,
  ): Promise<number> {
    const now = Date.now();
    return inBatches(
      () => Operation.within(this.#settings.authTimeout),
      (op) => this.#store.deleteExpired(owner, now, op),
      (count) => {
        this.#events.publish(TokenExpiredEvent, cause, user, null, count);
      },
    );
  }
}

/**
 * Deletes batches until one is not full, and rests after each for as long as it took: others shall have half of the
 * database and, on SQLite, of the event loop. How many rows they were; `publish` hears of them also if a later batch
 * fails, because those before are committed.
 */
async function inBatches(
  nextOperation: () => Operation,
  deleteBatch: (op: Operation) => Promise<DeletedBatch>,
  publish: (count: number) => void,
): Promise<number> {
  let count = 0;
  try {
    for (;;) {
      const op = nextOperation();
      const begun = performance.now();
      const { deleted, isFull } = await deleteBatch(op);
      count += deleted;
      if (!isFull) return count;
      await op.deadline.sleep(performance.now() - begun);
    }
  } finally {
    if (count > 0) publish(count);
  }
}
