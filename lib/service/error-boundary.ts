import { HttpException, Logger } from '@nestjs/common';
import { ArgumentError } from '../errors/argument.error.ts';
import { KnoxUsageError } from '../errors/knox.error.ts';
import { KnoxUnavailableException } from './knox.exceptions.ts';

const logger = new Logger('KnoxModule');

/** Errors that are thrown to the caller as they are: answers, and messages for the developer. */
const PASSED = [HttpException, KnoxUsageError, ArgumentError];

/** The error to throw to the caller. Anything but an answer or a usage error is logged and becomes a 503. */
export function toHttpError(error: unknown): unknown {
  if (PASSED.some((type) => error instanceof type)) return error;
  logFault('Authentication is unavailable', error);
  return new KnoxUnavailableException(error);
}

/** Logs a fault by its message and stack only: a driver's error carries the query's parameters. */
export function logFault(what: string, fault: unknown): void {
  // Read by shape: an error from another realm (Jest's, a vm's) is not an instance of this one's Error.
  const { name, code, message, stack } = (fault ?? {}) as Partial<Error> & { code?: string };
  // A refused connection is an AggregateError with a code and an empty message.
  const cause = [message, code, name].find((text) => typeof text === 'string' && text !== '');
  logger.error(`${what}: ${cause ?? `${typeof fault} was thrown`}`, stack);
}
