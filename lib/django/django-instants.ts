import type { DataSource, ValueTransformer } from 'typeorm';
import { EPOCH_MILLISECONDS, type InstantFormat } from '../entities/instant.format.ts';
import { LAST_INSTANT } from '../tokens/expiry.ts';

/** Python's datetime ends with the year 9999. */
const LAST_PYTHON_INSTANT = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/** SQL for a value that is not an instant: no Date can hold it, so that it counts as expired. */
const UNREADABLE = String(LAST_INSTANT + 1);

/** On PostgreSQL: `timestamp with time zone`. */
const POSTGRES: InstantFormat = {
  lastInstant: LAST_PYTHON_INSTANT,
  hasZone: true,
  // Truncate first: before PostgreSQL 14, `extract` gives a double. Infinities stay infinite.
  toEpochSql: (column) => `round(extract(epoch FROM date_trunc('milliseconds', ${column})) * 1000)`,
  toStored: isoOf,
};

/** On MariaDB and MySQL: `datetime(6)`, in UTC. */
const MARIADB: InstantFormat = {
  lastInstant: LAST_PYTHON_INSTANT,
  hasZone: false,
  // The difference of '0000-00-00' to anything is NULL.
  toEpochSql: (column) =>
    `CASE WHEN ${column} IS NULL THEN NULL ELSE ` +
    `COALESCE(TIMESTAMPDIFF(MICROSECOND, '1970-01-01', ${column}) DIV 1000, ${UNREADABLE}) END`,
  toStored: (epochMs) => `${textOf(epochMs)}000`,
};

/** On SQLite: text in UTC, `2026-11-24 02:34:57.681345`, without the fraction if that is zero. */
const SQLITE: InstantFormat = {
  lastInstant: LAST_PYTHON_INSTANT,
  hasZone: false,
  // Read the fraction as text: strftime would round '57.999999' up to the next second.
  toEpochSql: (column) =>
    `CASE WHEN ${column} IS NULL THEN NULL WHEN typeof(${column}) <> 'text' THEN ${UNREADABLE} ELSE ` +
    `coalesce(CAST(strftime('%s', substr(${column}, 1, 19)) AS INTEGER) * 1000 + CASE ` +
    `WHEN length(${column}) = 19 THEN 0 ` +
    `WHEN substr(${column}, 20) GLOB '.[0-9]*' AND substr(${column}, 21) NOT GLOB '*[^0-9]*' ` +
    `THEN CAST(substr(substr(${column}, 21) || '00', 1, 3) AS INTEGER) END, ${UNREADABLE}) END`,
  toStored: (epochMs) =>
    epochMs % 1000 === 0 ? textOf(epochMs).slice(0, 19) : `${textOf(epochMs)}000`,
};

/** The format in which Django stores instants in a database of this kind. */
export function djangoInstantFormat({ options }: DataSource): InstantFormat {
  switch (options.type) {
    case 'postgres':
      return POSTGRES;
    case 'mariadb':
    case 'mysql':
      return MARIADB;
    case 'better-sqlite3':
      return SQLITE;
    default:
      return EPOCH_MILLISECONDS;
  }
}

/**
 * Reads an instant as a Date: from the epoch milliseconds of InstantFormat.toEpochSql, or, in the application's queries,
 * from what the driver makes of the column. A value that is not an instant is an Invalid Date, which counts as expired.
 */
export const djangoInstantTransformer: ValueTransformer = {
  to: (value: unknown): unknown => value,
  from(value: unknown): Date | null {
    if (value === null || value instanceof Date) return value;
    // The application may have set the driver to give numbers as bigint or Decimal.
    return new Date(typeof value === 'string' ? epochMsOf(value) : Number(value));
  },
};

const TEXT = /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.(\d+))?(?:Z|([+-]\d\d)(?::?(\d\d))?)?$/;

function epochMsOf(text: string): number {
  const match = TEXT.exec(text);
  if (!match) return text === '' ? NaN : Number(text);
  const [, date = '', time = '', fraction = '', hours = '+00', minutes = '00'] = match;
  const milliseconds = fraction.slice(0, 3).padEnd(3, '0');
  return Date.parse(`${date}T${time}.${milliseconds}${hours}:${minutes}`);
}

function isoOf(epochMs: number): string {
  if (epochMs <= LAST_PYTHON_INSTANT) return new Date(epochMs).toISOString();
  throw new RangeError('Python has no datetime past the year 9999.');
}

/** `2026-11-24 02:34:57.681` */
function textOf(epochMs: number): string {
  return isoOf(epochMs).slice(0, 23).replace('T', ' ');
}
