import { describe, expect, it } from '@jest/globals';
import { DeadlineExceededError } from '../../lib/async/deadline.ts';
import { OverloadError } from '../../lib/async/semaphore.ts';
import { OutcomeUnknownError } from '../../lib/database/database.ts';
import { DjangoPasswordError } from '../../lib/django/index.ts';
import {
  IsolationLevelError,
  KnoxConfigError,
  KnoxError,
  KnoxUsageError,
} from '../../lib/index.ts';

const USAGE = [
  new KnoxConfigError('tokenTtl', 'is wrong.'),
  new IsolationLevelError('cannot count.'),
];
const FAULTS = [
  new DeadlineExceededError(5),
  new OverloadError(),
  new OutcomeUnknownError(new Error('lost')),
  new DjangoPasswordError('malformed_hash', null, 'is malformed.'),
];

describe('an error of the package', () => {
  it('has a code that tells it from the others', () => {
    const errors: KnoxError[] = [...USAGE, ...FAULTS];
    expect(errors.every((error) => error instanceof KnoxError)).toBe(true);
    expect(errors.map(({ code }) => code)).toEqual([
      'knox_config',
      'isolation_level',
      'deadline_exceeded',
      'overload',
      'outcome_unknown',
      'malformed_hash',
    ]);
  });

  it('is a usage error only if its developer has to change something', () => {
    expect(USAGE.every((error) => error instanceof KnoxUsageError)).toBe(true);
    expect(FAULTS.some((error) => error instanceof KnoxUsageError)).toBe(false);
  });

  it('has the name of its class', () => {
    const errors = [...USAGE, ...FAULTS];
    expect(errors.map(({ name }) => name)).toEqual(errors.map((error) => error.constructor.name));
  });
});
