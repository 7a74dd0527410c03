import type { ValueTransformer } from 'typeorm';

/**
 * An instant as UTC epoch milliseconds in a bigint column. With a database's timestamp types, milliseconds, zones or
 * the hour of a daylight-saving change get lost between client and server. pg and mysql2 give a bigint as a string,
 * better-sqlite3 as a number.
 */
export const instantTransformer: ValueTransformer = {
  to(value: unknown): unknown {
    if (!(value instanceof Date)) return value;
    // A driver may store an Invalid Date as NULL, which is a token that never expires.
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
