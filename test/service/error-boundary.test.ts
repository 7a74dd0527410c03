import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { ForbiddenException, Logger } from '@nestjs/common';
import { ArgumentError } from '../../lib/errors/argument.error.ts';
import { KnoxConfigError, KnoxUnavailableException } from '../../lib/index.ts';
import { toHttpError } from '../../lib/service/error-boundary.ts';
import { LogRecorder } from '../support/log-recorder.ts';

describe('toHttpError', () => {
  let log: LogRecorder;
  beforeEach(() => {
    log = new LogRecorder();
    Logger.overrideLogger(log);
  });
  afterEach(() => Logger.overrideLogger(false));

  it.each([
    ['an answer', new ForbiddenException()],
    ['a mistake in the set-up', new KnoxConfigError('tokenTtl', 'is wrong.')],
    ['an argument that a method cannot take', new ArgumentError('Expected a user.')],
  ])('passes %s, and logs nothing', (_, error) => {
    expect(toHttpError(error)).toBe(error);
    expect(log.lines).toEqual([]);
  });

  it('takes a TypeError of a hook for a fault, and not for a mistake of the caller', () => {
    const error = new TypeError('x is not a function');
    const answer = toHttpError(error);
    expect(answer).toBeInstanceOf(KnoxUnavailableException);
    expect(answer).toMatchObject({ status: 503, cause: error });
    expect(log.errors).toEqual(['Authentication is unavailable: x is not a function']);
  });

  it.each([
    ['undefined', undefined, 'undefined was thrown'],
    ['a string', 'secret', 'string was thrown'],
    ['an error without a message', Object.assign(new Error(''), { code: 'ECONN' }), 'ECONN'],
  ])('logs %s by what is safe to print', (_, fault, printed) => {
    expect(toHttpError(fault)).toBeInstanceOf(KnoxUnavailableException);
    expect(log.errors).toEqual([`Authentication is unavailable: ${printed}`]);
  });

  it('is a 503 even if the application’s logger throws', () => {
    const error = (): never => {
      throw new Error('The log is full.');
    };
    Logger.overrideLogger({ log: error, error, warn: error });
    expect(toHttpError(new Error('x'))).toBeInstanceOf(KnoxUnavailableException);
  });
});
