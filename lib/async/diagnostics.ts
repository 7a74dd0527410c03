import {
  channel,
  tracingChannel,
  type Channel,
  type TracingChannel,
} from 'node:diagnostics_channel';
import { KnoxError } from '../errors/knox.error.ts';

/**
 * What a subscriber of `nestjs-knox:authenticate`, `:create` or `:revoke` is told of one operation: the same object at each of
 * its events. It never holds a raw token, a digest or a password. All but `realm` is known from `asyncStart` on.
 */
export interface OperationMessage {
  /** The realm of the tokens; `'api'` if there is only one. */
  readonly realm: string;
  /** Null if it went well; else the `code` of the answer, such as `'invalid_token'`, or `'error'` if it has none. */
  code: string | null;
  /** The primary key of the user, if it went well and the user is known. */
  userKey: unknown;
  /** How many tokens were made or deleted. */
  count: number;
  /** Why they were deleted; only on `nestjs-knox:revoke`. */
  readonly reason?: string;
  /** With `code` as its message and its code; only if it failed. */
  readonly error?: Error;
}

/** What a subscriber of `nestjs-knox:batch` is told of a statement that has looked up tokens. */
export interface BatchMessage {
  readonly realm: string;
  /** How many tokens it has asked for. */
  readonly size: number;
  /** How long the oldest of its requests had been under way when it was sent, in milliseconds. */
  readonly waitMs: number;
  /** How long it took until its rows were there, in milliseconds. */
  readonly durationMs: number;
}

type OperationChannel = TracingChannel<unknown, OperationMessage>;

export const AUTHENTICATE: OperationChannel = tracingChannel('nestjs-knox:authenticate');
export const CREATE: OperationChannel = tracingChannel('nestjs-knox:create');
export const REVOKE: OperationChannel = tracingChannel('nestjs-knox:revoke');
export const BATCH: Channel = channel('nestjs-knox:batch');

/** Stands for an error on a channel. The error itself may hold a digest: a driver's has the parameters of its query. */
class OperationError extends KnoxError {
  override readonly name = 'OperationError';

  constructor(readonly code: string) {
    super(code);
  }
}

/** What a result tells of an operation. */
export type Facts = Partial<Pick<OperationMessage, 'userKey' | 'count'>>;

/**
 * Does the work, and tells a tracing channel of it. Neither the result nor the error of the work is published. If nobody
 * listens, do not call this: it would cost each request two promises.
 */
export async function traced<T>(
  tracing: OperationChannel,
  given: Pick<OperationMessage, 'realm' | 'reason'>,
  work: () => Promise<T>,
  factsOf: (result: T) => Facts,
): Promise<T> {
  const message: OperationMessage = { ...given, code: null, userKey: null, count: 0 };
  let outcome: { readonly result: T } | { readonly failure: unknown } | undefined;
  const told = tracing.tracePromise(async () => {
    try {
      const result = await work();
      outcome = { result };
      Object.assign(message, factsOf(result));
    } catch (failure) {
      outcome = { failure };
      message.code = codeOf(failure);
      throw new OperationError(message.code);
    }
  }, message);
  await told.catch(() => undefined);
  if (outcome && 'result' in outcome) return outcome.result;
  throw outcome?.failure;
}

/** An application's error may have any text for a code. */
function codeOf(error: unknown): string {
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' && /^[a-z_]{1,40}$/.test(code) ? code : 'error';
}
