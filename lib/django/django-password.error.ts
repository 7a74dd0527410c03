/** What is the matter with a password hash, for an application to tell apart. */
export type DjangoPasswordErrorCode =
  'unknown_algorithm' | 'malformed_hash' | 'too_costly' | 'missing_package';

/**
 * A hash can't be checked, whatever the password: a fault of the row or of the set-up, and no
 * verdict. It names the algorithm, and nothing else of the hash.
 *
 * @publicApi
 */
export class DjangoPasswordError extends Error {
  override readonly name = 'DjangoPasswordError';

  constructor(
    readonly code: DjangoPasswordErrorCode,
    /** As Django names it: the part before the first `$`. Null where there is none. */
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
