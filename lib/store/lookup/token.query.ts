import type { Connection, Row } from '../../database/database.ts';
import type { AbstractAuthToken } from '../../entities/abstract-auth-token.entity.ts';
import type { OwnerKey } from '../schema/owner.schema.ts';

/** The rows of one token: one, or one for each row that is joined to it. */
export type TokenRows = readonly Row[];

/**
 * Makes the entity. The rows must not be shared, because the entity keeps their objects. A promise means that it still
 * queries the connection: do not give the connection back before. It runs the application's code, so call it in the
 * request's async context.
 */
export type Hydrate<Token> = (rows: TokenRows) => Token | Promise<Token | null>;

/** Tokens and owners as entities. A token comes with its owner, or with null if that is soft-deleted. */
export interface TokenQuery<Token extends AbstractAuthToken> {
  /** How many digests one statement may ask for. */
  readonly maxBatch: number;
  /** The rows of the tokens of these digests, by digest, in one statement. */
  load(connection: Connection, digests: readonly string[]): Promise<ReadonlyMap<string, TokenRows>>;
  /** For rows that were loaded on this connection. */
  hydration(connection: Connection): Hydrate<Token>;
  /** The token of this digest, expired or not; null if there is none. */
  find(connection: Connection, digest: string): Promise<Token | null>;
  /** The owner's tokens that are unexpired at `now`, newest first, without their owner. */
  list(connection: Connection, owner: OwnerKey, now: number): Promise<Token[]>;
  /** The owner of this key, or null if there is none or it is soft-deleted. */
  findOwner(connection: Connection, key: OwnerKey): Promise<object | null>;
}
