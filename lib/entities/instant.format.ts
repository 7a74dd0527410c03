import { LAST_INSTANT } from '../tokens/expiry.ts';

const HOUR_MS = 3_600_000;

/** How far a zone's time may be from UTC, in milliseconds (the IANA database): UTC-1 to UTC-12, and up to UTC+14. */
export const ZONE_OFFSETS = { leastWest: HOUR_MS, mostWest: 12 * HOUR_MS, mostEast: 14 * HOUR_MS };

/** How a token table stores its instants. In JavaScript they are epoch milliseconds. */
export interface InstantFormat {
  /** The last instant that can be stored, in epoch milliseconds. */
  readonly lastInstant: number;
  /**
   * Whether a stored value is one instant, whatever the zone of the program that wrote it. If not, a program that is not
   * set to UTC writes others than it means.
   */
  readonly hasZone: boolean;
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
  hasZone: true,
  toEpochSql: (column) => column,
  toStored: (epochMs) => epochMs,
};
