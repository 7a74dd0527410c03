import type {
  KnoxUnauthorizedException,
  KnoxUnavailableException,
} from '../service/knox.exceptions.ts';

/** Why a connection ends. */
export type EndReason = KnoxUnauthorizedException | KnoxUnavailableException;

/** Somebody who wants to know when a token ends. */
export interface TokenWatch extends Disposable {
  /**
   * Aborted when the token is revoked or expires, when its user is deleted or inactive, and when nothing was known about it
   * for `failAfter`. Its `reason` is the exception that a request would get: a KnoxUnauthorizedException, or a
   * KnoxUnavailableException.
   */
  readonly signal: AbortSignal;
  /** Ends the watch; the signal stays as it is. Once is enough, and more do no harm. */
  release(): void;
}

export function tokenWatch(signal: AbortSignal, release: () => void): TokenWatch {
  return { signal, release, [Symbol.dispose]: release };
}
