import type { Operation } from '../async/operation.ts';

/**
 * How long a COMMIT whose answer is lost may still take effect, in milliseconds: the server keeps an idle transaction
 * for `timeoutMs`, then runs its COMMIT for at most `timeoutMs`. One second is slack.
 */
export function commitGraceOf({ deadline }: Operation): number {
  return 2 * deadline.timeoutMs + 1_000;
}

/** Whether a token may expire before a transaction that begins now has committed. */
export function mayExpireBeforeCommit({ expiry }: { expiry: Date | null }, op: Operation): boolean {
  return Number(expiry) - Date.now() < op.deadline.remaining + commitGraceOf(op);
}
