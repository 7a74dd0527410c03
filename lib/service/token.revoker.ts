import { performance } from 'node:perf_hooks';
import type { EntityManager, QueryRunner } from 'typeorm';
import type { BackgroundTasks } from '../async/background-tasks.ts';
import { Operation } from '../async/operation.ts';
import type { AbstractAuthToken } from '../entities/abstract-auth-token.entity.ts';
import type { EventPublisher } from '../events/event.publisher.ts';
import { logFault } from '../events/fault.log.ts';
import {
  TokenExpiredEvent,
  TokenRevokedEvent,
  type RevocationReason,
} from '../events/knox.events.ts';
import type { KnoxSettings } from '../options/runtime-options.ts';
import type { DeletedBatch, OwnerKey, TokenStore } from '../store/token.store.ts';
import { digestOfAny } from './token.digest.ts';

/** Why tokens are deleted, and in which transaction of the application's, if in one. */
export interface Revocation {
  readonly reason: RevocationReason;
  readonly manager?: EntityManager | undefined;
}

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

  /**
   * Deletes one token; whether there was one.
   *
   * @throws ArgumentError if it is neither token nor entity, or for a manager of another data source
   */
  async revoke(
    tokenOrAuthToken: string | Token,
    { reason, manager }: Revocation,
    op: Operation,
  ): Promise<boolean> {
    const digest = this.#digestOf(tokenOrAuthToken);
    const transaction = this.#store.transactions.transactionOf(manager);
    if (digest === null || !(await this.#store.delete(digest, op, transaction))) return false;
    const authToken = typeof tokenOrAuthToken === 'string' ? null : tokenOrAuthToken;
    const user = authToken?.user ?? null;
    this.#publishOnCommit(transaction, op, [reason, user, authToken, 1]);
    return true;
  }

  /**
   * Deletes the user's tokens but one; how many.
   *
   * @throws ArgumentError for a user that is not an owner, or for a manager of another data source
   */
  async revokeAll(
    user: object,
    except: string | Token | undefined,
    { reason, manager }: Revocation,
    op: Operation,
  ): Promise<number> {
    const owner = this.#store.schema.owner.keyOf(user);
    const kept = except === undefined ? null : this.#digestOf(except);
    const transaction = this.#store.transactions.transactionOf(manager);
    if (!transaction) return this.#revokeBatches(user, reason, { except: kept, last: null }, op);
    const count = await this.#store.deleteAllIn(transaction, owner, kept, op);
    if (count > 0) this.#publishOnCommit(transaction, op, [reason, user, null, count]);
    return count;
  }

  /** Deletes the user's tokens, this one last: if that fails, its holder can try again. */
  revokeAllWith(authToken: Token, reason: RevocationReason, op: Operation): Promise<number> {
    const which = { except: null, last: authToken.digest };
    return this.#revokeBatches(authToken.user, reason, which, op);
  }

  #revokeBatches(
    user: object,
    reason: RevocationReason,
    which: { readonly except: string | null; readonly last: string | null },
    op: Operation,
  ): Promise<number> {
    const owner = this.#store.schema.owner.keyOf(user);
    return inBatches(
      this.#store.isInProcess,
      () => op,
      () => this.#store.deleteBatch(owner, which, op),
      (count) => {
        this.#events.publish(TokenRevokedEvent, op, reason, user, null, count);
      },
    );
  }

  #publishOnCommit(
    transaction: QueryRunner | undefined,
    op: Operation,
    about: [RevocationReason, user: object | null, authToken: Token | null, count: number],
  ): void {
    this.#store.transactions.onCommit(transaction, () => {
      this.#events.publish(TokenRevokedEvent, op, ...about);
    });
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
      this.#store.isInProcess,
      () => Operation.within(this.#settings.authTimeout),
      (op) => this.#store.deleteExpired(owner, now, op),
      (count) => {
        this.#events.publish(TokenExpiredEvent, cause, user, null, count);
      },
    );
  }
}

/**
 * Deletes batches until one is not full. How many rows they were; `publish` hears of them also if a later batch fails,
 * because those before are committed.
 *
 * @param rests whether to rest after each for as long as it took: where it holds up the event loop, others get half of it
 */
async function inBatches(
  rests: boolean,
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
      if (rests) await op.deadline.sleep(performance.now() - begun);
    }
  } finally {
    if (count > 0) publish(count);
  }
}
