/**
 * The application is set up wrongly; it does not start. The message names the option, the kind of
 * the value that was found (never the value itself, which may be a secret) and the remedy.
 */
export class KnoxConfigError extends Error {
  override readonly name = 'KnoxConfigError';
  readonly code = 'knox_config';

  constructor(
    /** The option at fault, as it is written in the options object. */
    readonly option: string,
    problem: string,
  ) {
    super(`KnoxModule option "${option}": ${problem}`);
  }
}

/** What a value is, in words that give none of it away: "a string", "an array", "null". */
export function describeKind(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return value.length === 0 ? 'an empty array' : 'an array';
  if (typeof value === 'string') return value === '' ? 'an empty string' : 'a string';
  if (typeof value === 'number') return Number.isNaN(value) ? 'NaN' : 'a number';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
