import { KnoxUsageError } from './knox.error.ts';

/**
 * The application is set up wrongly and does not start. The message names the option, the kind of its value
 * and the remedy; never the value, which may be a secret.
 */
export class KnoxConfigError extends KnoxUsageError {
  override readonly name = 'KnoxConfigError';
  readonly code = 'knox_config';

  constructor(
    /** The name of the option that is wrong. */
    readonly option: string,
    problem: string,
    /** The module whose option it is. */
    module = 'KnoxModule',
  ) {
    super(`${module} option "${option}": ${problem}`);
  }
}

/** The kind of a value, for messages that must not print it: "a string", "an array", "null". */
export function describeKind(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (Array.isArray(value)) return value.length === 0 ? 'an empty array' : 'an array';
  if (typeof value === 'string') return value === '' ? 'an empty string' : 'a string';
  if (typeof value === 'number') return Number.isNaN(value) ? 'NaN' : 'a number';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}
