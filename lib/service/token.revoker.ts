import type { BackgroundTasks } from '../async/background-tasks.ts';
import { Operation } from '../async/operation.ts';
import type { AbstractAuthToken } from '../entities/abstract-auth-token.entity.ts';
import { ArgumentError } from '../errors/argument.error.ts';
import type { EventPublisher } from '../events/event.publisher.ts';
import { logFault } from '../events/fault.log.ts';
import { TokenExpiredEvent, TokenRevokedEvent } from '../events/knox.events.ts';
import type { KnoxSettings } from '../options/runtime-options.ts';
import { DELETE_BATCH_SIZE, type OwnerKey, type TokenStore } from '../store/token.store.ts';
import { digestOf, isWellFormedToken } from '../tokens/token.ts';

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

  /** Deletes one token; whether there was one. @throws ArgumentError if it is neither token nor entity */
  async revoke(tokenOrAuthToken: string | Token, op: Operation): Promise<boolean> {
    const digest = this.#digest(tokenOrAuthToken);
    if (digest === null || !(await this.#store.delete(digest, op))) return false;
    const authToken = typeof tokenOrAuthToken === 'string' ? null : tokenOrAuthToken;
    this.#events.publish(TokenRevokedEvent, op, authToken?.user ?? null, authToken, 1);
    return true;
  }

  /** Deletes the user's tokens but one; how many. @throws ArgumentError for a user that is not an owner */
  async revokeAll(
    user: Token['user'],
    except: string | Token | undefined,
    op: Operation,
  ): Promise<number> {
    const kept = except === undefined ? null : this.#digest(except);
    const count = await this.#store.deleteAll(this.#store.ownerKey(user), kept, op);
    if (count > 0) this.#events.publish(TokenRevokedEvent, op, user, null, count);
    return count;
  }

  /**
   * Deletes an expired token that was presented, and its owner's other expired ones. The request is refused
   * whether or not that succeeds.
   */
  async deleteExpiredOf(authToken: Token, op: Operation): Promise<void> {
    const user = authToken.user as Token['user'] | null;
    try {
      // A soft-deleted user is not loaded, so that its key is unknown here.
      const count =
        user === null
          ? Number(await this.#store.delete(authToken.digest, op))
          : await this.#deleteExpired(this.#store.ownerKey(user), () => op);
      if (count > 0) this.#events.publish(TokenExpiredEvent, op, user, authToken, count);
    } catch (error) {
      logFault('Expired tokens could not be deleted', error);
    }
  }

  /** Deletes a user's expired tokens in the background. */
  scheduleCleanup(user: Token['user'], request: Operation): void {
    // Read it now: once its socket is closed, a client has no address.
    const { client } = request;
    const op = Operation.within(this.#settings.authTimeout, () => client);
    this.#tasks.run(
      async () => {
        const count = await this.#deleteExpired(this.#store.ownerKey(user), () => op);
        if (count > 0) this.#events.publish(TokenExpiredEvent, op, user, null, count);
      },
      (error) => {
        logFault('Expired tokens could not be deleted', error);
      },
    );
  }

  /** Deletes everybody's expired tokens; each batch may take `authTimeout`. How many they were. */
  async prune(): Promise<number> {
    const count = await this.#deleteExpired(null, () =>
      Operation.within(this.#settings.authTimeout),
    );
    if (count > 0) this.#events.publish(TokenExpiredEvent, { client: null }, null, null, count);
    return count;
  }

  async #deleteExpired(owner: OwnerKey | null, batchOperation: () => Operation): Promise<number> {
    const now = Date.now();
    let total = 0;
    let deleted: number;
    do {
      deleted = await this.#store.deleteExpired(owner, now, batchOperation());
      total += deleted;
    } while (deleted === DELETE_BATCH_SIZE);
    return total;
  }

  /** The digest to look for, or null for a string that cannot be a token. */
  #digest(tokenOrAuthToken: string | Token): string | null {
    const { tokenEntity } = this.#store;
    if (tokenOrAuthToken instanceof tokenEntity) return tokenOrAuthToken.digest;
    if (typeof tokenOrAuthToken !== 'string') {
      throw new ArgumentError(`Expected a token, or an instance of ${tokenEntity.name}.`);
    }
    if (!isWellFormedToken(tokenOrAuthToken)) return null;
    return digestOf(tokenOrAuthToken, this.#settings.hashAlgorithm);
  }
}
