import { HttpException } from '@nestjs/common';
import { ArgumentError } from '../errors/argument.error.ts';
import { KnoxUsageError } from '../errors/knox.error.ts';
import { logFault } from '../events/fault.log.ts';
import { KnoxUnavailableException } from './knox.exceptions.ts';

/** Errors that are thrown to the caller as they are: answers, and messages for the developer. */
const PASSED = [HttpException, KnoxUsageError, ArgumentError];

/** The error to throw to the caller. Anything but an answer or a usage error is logged and becomes a 503. */
export function toHttpError(error: unknown): unknown {
  if (PASSED.some((type) => error instanceof type)) return error;
  logFault('Authentication is unavailable', error);
  return new KnoxUnavailableException(error);
}
