import type { Operation } from '../async/operation.ts';
import type { AbstractAuthToken } from '../entities/abstract-auth-token.entity.ts';
import { ArgumentError } from '../errors/argument.error.ts';
import { problemWithName } from '../requests/session-name.ts';
import type { TokenStore } from '../store/token.store.ts';
import { requireFeature } from './token.options.ts';

/** The first 32 characters of a digest. */
const PUBLIC_ID = /^[0-9a-f]{32}$/;

/**
 * What a user does with one of its unexpired tokens, by its public id. Of another user's token it says what it says of
 * none, with as many statements. Its errors are unfiltered: TokenManager decides which are faults.
 */
export class TokenSessions<Token extends AbstractAuthToken> {
  readonly #store: TokenStore<Token>;

  constructor(store: TokenStore<Token>) {
    this.#store = store;
  }

  /** The token, or null. @throws ArgumentError for a user that is not an owner */
  async find(user: object, id: unknown, op: Operation): Promise<Token | null> {
    const owner = this.#store.schema.owner.keyOf(user);
    if (typeof id !== 'string' || !PUBLIC_ID.test(id)) return null;
    const authToken = await this.#store.findByPublicId(owner, id, Date.now(), op);
    if (authToken) authToken.user = user;
    return authToken;
  }

  /**
   * The renamed token, or null if there is none.
   *
   * @throws ArgumentError for a user that is not an owner, for what is no name, and if there is no column for it
   */
  async rename(
    user: object,
    id: unknown,
    name: string | null,
    op: Operation,
  ): Promise<Token | null> {
    requireFeature(this.#store.schema, 'name');
    const problem = name === null ? null : problemWithName(name);
    if (problem !== null) throw new ArgumentError(`name ${problem}.`);
    const authToken = await this.find(user, id, op);
    if (!authToken || !(await this.#store.rename(authToken.digest, name, op))) return null;
    return Object.assign(authToken, { name });
  }
}
