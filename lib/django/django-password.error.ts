import { KnoxError } from '../errors/knox.error.ts';

/** Why a password hash cannot be checked. */
export type DjangoPasswordErrorCode =
  'unknown_algorithm' | 'malformed_hash' | 'too_costly' | 'missing_package';

/**
 * A hash cannot be checked, whatever the password is: the row or the set-up is wrong, so that this says nothing
 * about the password. The message names the algorithm, and nothing else of the hash.
 *
 * @publicApi
 */
export class DjangoPasswordError extends KnoxError {
  override readonly name = 'DjangoPasswordError';

  constructor(
    readonly code: DjangoPasswordErrorCode,
    /** The part of the hash before the first `$`, which is Django's name of the algorithm; null without one. */
    readonly algorithm: string | null,
    problem: string,
    options?: ErrorOptions,
  ) {
    super(
      `Django password hash${algorithm === null ? '' : ` (${algorithm})`}: ${problem}`,
      options,
    );
  }
}
