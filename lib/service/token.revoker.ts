import { Inject, Injectable } from '@nestjs/common';
import { EventPublisher } from '../events/event.publisher.ts';
import { TokenExpiredEvent, TokenRevokedEvent } from '../events/knox.events.ts';
import type { ClientInfo } from '../requests/client-info.ts';
import type { KnoxSettings } from '../options/runtime-options.ts';
import type { AbstractAuthToken } from '../entities/abstract-auth-token.entity.ts';
import { Deadline } from '../async/deadline.ts';
import type { OwnerKey } from '../store/schema/owner.schema.ts';
import { BATCH } from '../store/token.scripts.ts';
import { TokenStore } from '../store/token.store.ts';
import { digestOf, isWellFormedToken } from '../tokens/token.ts';
import { answerOrUnavailable, logFault } from './error-boundary.ts';
import { KNOX_SETTINGS } from './knox.settings.ts';

/** Ends tokens: those that are revoked, and those whose time is over. */
@Injectable()
export class TokenRevoker<Token extends AbstractAuthToken = AbstractAuthToken> {
  readonly #settings: KnoxSettings;
  readonly #store: TokenStore<Token>;
  readonly #events: EventPublisher;

  constructor(
    @Inject(KNOX_SETTINGS) settings: KnoxSettings,
    @Inject(TokenStore) store: TokenStore<Token>,
    events: EventPublisher,
  ) {
    this.#settings = settings;
    this.#store = store;
    this.#events = events;
  }

  /** Deletes one token; whether it was there. @throws TypeError if it is neither of the two */
  async revoke(
    tokenOrAuthToken: string | Token,
    deadline: Deadline,
    client: ClientInfo | null,
  ): Promise<boolean> {
    const digest = this.#digest(tokenOrAuthToken);
    if (digest === null) return false;
    const revoked = await answerOrUnavailable(() => this.#store.revoke(digest, deadline));
    if (revoked) {
      const authToken = typeof tokenOrAuthToken === 'string' ? null : tokenOrAuthToken;
      const user = authToken?.user ?? null;
      this.#events.publish(TokenRevokedEvent, user, authToken, 1, client);
    }
    return revoked;
  }

  /** Takes back a token whose login could not be answered, whatever it takes. */
  async discard(authToken: Token, client: ClientInfo | null): Promise<void> {
    try {
      await this.revoke(authToken, new Deadline(this.#settings.authTimeout), client);
    } catch {
      // Logged by now.
      this.#store.takeBack(authToken.digest);
    }
  }

  /** Deletes the user's tokens but one; how many. @throws TypeError for what is no such user */
  async revokeAll(
    user: Token['user'],
    except: string | Token | undefined,
    deadline: Deadline,
    client: ClientInfo | null,
  ): Promise<number> {
    const kept = except === undefined ? null : this.#digest(except);
    const owner = (await answerOrUnavailable(() => this.#store.schema)).owner.keyOf(user);
    const count = await answerOrUnavailable(() => this.#store.revokeAll(owner, kept, deadline));
    if (count > 0) this.#events.publish(TokenRevokedEvent, user, null, count, client);
    return count;
  }

  /**
   * Deletes an expired token that was presented, and its owner's other expired ones. The verdict on
   * the request stands whether or not that succeeds.
   */
  async deleteExpiredOf(
    authToken: Token,
    deadline: Deadline,
    client: ClientInfo | null,
  ): Promise<void> {
    const user = authToken.user as Token['user'] | null;
    try {
      // Without its user, soft-deleted, the token's owner is not known here.
      const count =
        user === null
          ? Number(await this.#store.revoke(authToken.digest, deadline))
          : await this.#deleteExpired(this.#store.schema.owner.keyOf(user), () => deadline);
      if (count > 0) this.#events.publish(TokenExpiredEvent, user, authToken, count, client);
    } catch (error) {
      logFault('Expired tokens could not be deleted', error);
    }
  }

  /** Deletes a user's expired tokens; no answer waits for it. */
  scheduleCleanup(user: Token['user'], client: ClientInfo | null): void {
    const deadline = new Deadline(this.#settings.authTimeout);
    this.#store.background.run(
      async () => {
        const owner = this.#store.schema.owner.keyOf(user);
        const count = await this.#deleteExpired(owner, () => deadline);
        if (count > 0) this.#events.publish(TokenExpiredEvent, user, null, count, client);
      },
      (error) => logFault('Expired tokens could not be deleted', error),
    );
  }

  /** Deletes everybody's expired tokens; each batch may take `authTimeout`. */
  async prune(): Promise<number> {
    const count = await answerOrUnavailable(() =>
      this.#deleteExpired(null, () => new Deadline(this.#settings.authTimeout)),
    );
    if (count > 0) this.#events.publish(TokenExpiredEvent, null, null, count, null);
    return count;
  }

  async #deleteExpired(owner: OwnerKey | null, deadline: () => Deadline): Promise<number> {
    const now = Date.now();
    let total = 0;
    let deleted: number;
    do {
      deleted = await this.#store.deleteExpired(owner, now, deadline());
      total += deleted;
    } while (deleted === BATCH);
    return total;
  }

  /** The digest to look for, or null for a string that could not be a token. */
  #digest(tokenOrAuthToken: string | Token): string | null {
    if (tokenOrAuthToken instanceof this.#store.tokenEntity) return tokenOrAuthToken.digest;
    if (typeof tokenOrAuthToken !== 'string') {
      throw new TypeError(`Expected a token, or an instance of ${this.#store.tokenEntity.name}.`);
    }
    if (!isWellFormedToken(tokenOrAuthToken)) return null;
    return digestOf(tokenOrAuthToken, this.#settings.hashAlgorithm);
  }
}
