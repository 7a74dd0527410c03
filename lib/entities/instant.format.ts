import { LAST_INSTANT } from '../tokens/expiry.ts';

/** How a token table stores its instants. In JavaScript they are epoch milliseconds. */
export interface InstantFormat {
  /** The last instant that can be stored, in epoch milliseconds. */
  readonly lastInstant: number;
  /**
   * SQL for a column's value in epoch milliseconds, rounded down. For a value that is neither NULL nor an instant it
   * gives a number past LAST_INSTANT: an Invalid Date, which counts as expired.
   */
  toEpochSql(column: string): string;
  /** The value that the database stores for an instant in epoch milliseconds. */
  toStored(epochMs: number): string | number;
}

/** The format of the package's tables: epoch milliseconds in a bigint. */
export const EPOCH_MILLISECONDS: InstantFormat = {
  lastInstant: LAST_INSTANT,
  toEpochSql: (column) => column,
  toStored: (epochMs) => epochMs,
};
