import { LAST_INSTANT } from '../tokens/expiry.ts';
import type { AbstractAuthToken } from './abstract-auth-token.entity.ts';
import { instantTransformer } from './instant.transformer.ts';

/** How a token table holds its instants. In JavaScript they are epoch milliseconds, a number. */
export interface InstantFormat {
  /** The last instant that can be stored, in epoch milliseconds. */
  readonly lastInstant: number;
  /**
   * The SQL that gives a column's value in epoch milliseconds, rounded down; what is neither NULL nor an
   * instant is past LAST_INSTANT, so that it counts as expired and not as eternal.
   */
  toEpochSql(column: string): string;
  /** What the database stores for so many epoch milliseconds. */
  toStored(epochMs: number): string | number;
}

/** As our own tables do: epoch milliseconds in a bigint. */
export const EPOCH_MILLISECONDS: InstantFormat = {
  lastInstant: LAST_INSTANT,
  toEpochSql: (column) => column,
  toStored: (epochMs) => epochMs,
};

/** A token for TypeORM's query builder, which knows no formats: a copy with its instants as SQL. */
export function withStoredInstants(
  token: AbstractAuthToken,
  instants: InstantFormat,
): AbstractAuthToken {
  if (instants === EPOCH_MILLISECONDS) return token;
  const literal = (value: Date | null): unknown => {
    if (value === null) return null;
    const stored = instants.toStored(instantTransformer.to(value) as number);
    return () => (typeof stored === 'number' ? String(stored) : `'${stored}'`);
  };
  const copy = Object.create(Object.getPrototypeOf(token) as object) as AbstractAuthToken;
  const [created, expiry] = [literal(token.created), literal(token.expiry)];
  return Object.assign(copy, token, { created, expiry });
}
