import type { Connection, Row } from '../../database/database.ts';

/** The rows of one token: one, or one for each row that is joined to it. */
export type TokenRows = readonly Row[];

/**
 * Makes the entity. The rows must not be shared, because the entity keeps their objects. A promise means that it still
 * queries the connection: do not give the connection back before. It runs the application's code, so call it in the
 * request's async context.
 */
export type Hydrate<Token> = (rows: TokenRows) => Token | Promise<Token | null>;

/** Reads tokens by their digests, each with its owner, or with null if that is soft-deleted. */
export interface TokenQuery<Token> {
  /** How many digests one statement may ask for. */
  readonly maxBatch: number;
  /** The rows of the tokens of these digests, by digest, in one statement. */
  load(connection: Connection, digests: readonly string[]): Promise<ReadonlyMap<string, TokenRows>>;
  /** For rows that were loaded on this connection. */
  hydration(connection: Connection): Hydrate<Token>;
}

/** How many digests one statement may ask for: fewer where a token has many rows, as the largest delays all others. */
export const MAX_BATCH = { oneRow: 100, manyRows: 25 } as const;

/** How many times as many digests one statement may ask for in the background, where it delays no request. */
export const CHECKS_PER_LOOKUP = 5;
