import type { ValueTransformer } from 'typeorm';

/**
 * An instant as UTC epoch milliseconds in a bigint column. A database's own timestamp types lose
 * milliseconds, zones or the hour of a daylight-saving change somewhere between client and server.
 * pg and mysql2 give a bigint as a string, better-sqlite3 as a number.
 */
export const instantTransformer: ValueTransformer = {
  to(value: unknown): unknown {
    if (!(value instanceof Date)) return value;
    // NULL would be a token for ever, so an Invalid Date must not become one.
    if (Number.isNaN(value.getTime())) throw new TypeError('An Invalid Date cannot be stored.');
    return value.getTime();
  },
  from: (value: string | number | null): Date | null =>
    value === null ? null : new Date(Number(value)),
};

/** A bigint of milliseconds as a number. */
export const millisecondsTransformer: ValueTransformer = {
  to: (value: unknown): unknown => value,
  from: (value: string | number | null): number | null => (value === null ? null : Number(value)),
};
