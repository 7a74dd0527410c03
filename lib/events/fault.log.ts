import { Logger } from '@nestjs/common';

const logger = new Logger('KnoxModule');

/** One statement answers many requests: in an outage, each statement is a line in the log, not each request. */
const logged = new WeakSet<object>();

/**
 * Logs a fault by its message and stack only: a driver's error carries the query's parameters. It never throws, whatever
 * the application's logger does: the work is done, or its answer is known, and in the background nobody catches an error.
 */
export function logFault(what: string, fault: unknown): void {
  try {
    if (typeof fault === 'object' && fault !== null) {
      if (logged.has(fault)) return;
      logged.add(fault);
    }
    // Read by shape: an error from another realm (Jest's, a vm's) is not an instance of this one's Error.
    const { name, code, message, stack } = (fault ?? {}) as Partial<Error> & { code?: string };
    // A refused connection is an AggregateError with a code and an empty message.
    const cause = [message, code, name].find((text) => typeof text === 'string' && text !== '');
    logger.error(`${what}: ${cause ?? `${typeof fault} was thrown`}`, stack);
  } catch {
    // There is nobody left to tell.
  }
}
