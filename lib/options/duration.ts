import { describeKind } from '../errors/knox-config.error.ts';

/**
 * A length of time: a whole number of milliseconds, or a string of a number and its unit, `ms`, `s`, `m`, `h`, `d`
 * or `w` (`'10h'`, `'60s'`, `'1.5d'`). A string without a unit is refused.
 */
export type Duration = number | string;

const MS_PER_UNIT: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 604_800_000,
};

const DURATION = /^(\d{1,15}(?:\.\d{1,6})?) ?(ms|s|m|h|d|w)$/;

/** A thousand years. A Date ends with the year 275760: a longer duration could make an expiry an Invalid Date. */
const LONGEST_MS = 1_000 * 365.25 * 86_400_000;

/** The longest delay of Node's timers, in milliseconds. */
export const MAX_TIMER_MS = 2 ** 31 - 1;

/** The format of a duration, for messages. */
export const DURATION_FORMAT =
  "a whole number of milliseconds, or a string with its unit (ms, s, m, h, d, w) such as '10h'; at most 1000 years";

/** The duration in milliseconds, or undefined if the value is not a duration, or is less than the least allowed. */
export function parseDuration(value: unknown, least = -LONGEST_MS): number | undefined {
  const ms = typeof value === 'string' ? fromString(value) : value;
  const sane =
    typeof ms === 'number' && Number.isSafeInteger(ms) && ms >= least && ms <= LONGEST_MS;
  return sane ? ms : undefined;
}

/** Text that somebody has meant as a duration: a number and a word, or several numbers with their units. */
const MEANT_AS_DURATION =
  /^(?:[-+]?\d{1,15}(?:[.,]\d{1,6})?(?: ?[a-z]{1,12})?|(?:\d{1,4} ?(?:ms|[smhdwy]) ?){2,4})$/i;

/** The kind of a wrong duration, and its text. Other text is not shown: it may be a secret in the wrong place. */
export function describeDuration(value: unknown): string {
  const kind = describeKind(value);
  if (typeof value === 'number' && kind !== 'NaN') return `${kind}, ${String(value)}`;
  if (typeof value !== 'string' || !MEANT_AS_DURATION.test(value)) return kind;
  return `${kind}${/^\d+$/.test(value) ? ' without a unit' : ''}, '${value}'`;
}

function fromString(value: string): number | undefined {
  const match = DURATION.exec(value);
  if (!match) return undefined;
  const ms = Number(match[1]) * (MS_PER_UNIT[match[2] as string] as number);
  // 1.1 hours are a whole number of milliseconds, but not as a binary fraction. 0.4 ms are not.
  const whole = Math.round(ms);
  return Math.abs(ms - whole) < 1e-6 ? whole : undefined;
}
