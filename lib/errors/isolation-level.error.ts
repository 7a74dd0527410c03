import { KnoxUsageError } from './knox.error.ts';

/**
 * `create` got the `manager` of a transaction whose isolation level hides the tokens that others commit, so
 * that it cannot count them for the limit.
 */
export class IsolationLevelError extends KnoxUsageError {
  override readonly name = 'IsolationLevelError';
  readonly code = 'isolation_level';
}
