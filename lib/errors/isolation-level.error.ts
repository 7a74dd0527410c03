import { KnoxUsageError } from './knox.error.ts';

/**
 * `create`, `revoke` or `revokeAll` got the `manager` of a transaction whose isolation level hides the tokens that others
 * commit, so that it can neither count them for the limit nor delete them.
 */
export class IsolationLevelError extends KnoxUsageError {
  override readonly name = 'IsolationLevelError';
  readonly code = 'isolation_level';
}
