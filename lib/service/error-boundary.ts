import { HttpException, Logger } from '@nestjs/common';
import { KnoxConfigError } from '../errors/knox-config.error.ts';
import { IsolationError } from '../database/app-transactions.ts';
import { KnoxUnavailableException } from './knox.exceptions.ts';

const logger = new Logger('KnoxModule');

/** Runs what asks the database or a hook. @throws what `answerTo` makes of its error */
export async function answerOrUnavailable<T>(work: () => T | Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw toHttpError(error);
  }
}

/**
 * What to throw to the caller. An HttpException is an answer and passes; so does what is meant for the
 * developer. Anything else is a fault: it is logged with its cause and becomes a 503, since whatever
 * is not a verdict must not look like one.
 */
export function toHttpError(error: unknown): unknown {
  const isForCaller = [HttpException, KnoxConfigError, IsolationError].some(
    (type) => error instanceof type,
  );
  if (isForCaller) return error;
  logFault('Authentication is unavailable', error);
  return new KnoxUnavailableException(error);
}

/** Logs a fault by its message and stack only: a driver's error carries the query's parameters. */
export function logFault(what: string, fault: unknown): void {
  // By its shape: an error from another realm is no instance of this one's Error.
  const { name, code, message, stack } = (fault ?? {}) as Partial<Error> & { code?: string };
  // A refused connection is an AggregateError with a code and without a message.
  const cause = [message, code, name].find((text) => typeof text === 'string' && text !== '');
  logger.error(`${what}: ${cause ?? `${typeof fault} was thrown`}`, stack);
}
