/** How a token table holds its instants. In JavaScript they are epoch milliseconds, a number. */
export interface InstantFormat {
  /** The SQL that gives a column's value in epoch milliseconds. */
  read(column: string): string;
  /** What the database stores for so many epoch milliseconds. */
  write(epochMs: number): unknown;
}

/** As our own tables do: epoch milliseconds in a bigint. */
export const EPOCH_MILLISECONDS: InstantFormat = {
  read: (column) => column,
  write: (epochMs) => epochMs,
};
