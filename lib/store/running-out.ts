import { Deadline } from '../async/deadline.ts';
import { lateCommitMs } from './compensating-deletion.ts';

/** How long a use of a token may wait for its owner's lock to refresh it, in milliseconds. */
const LONGEST_WAIT_MS = 500;

/**
 * Whether the token may run out before its refresh is committed. A login that counts the owner's tokens
 * at that moment would take it for expired, and so such a refresh is behind the owner's lock.
 */
export function mayRunOut({ expiry }: { expiry: Date | null }, deadline: Deadline): boolean {
  return Number(expiry) - Date.now() < deadline.remaining + lateCommitMs(deadline);
}

/** For a refresh that waits for a lock: its request is answered all the same if it doesn't get it. */
export function shortWait({ remaining }: Deadline): Deadline {
  return new Deadline(Math.min(remaining, LONGEST_WAIT_MS));
}
