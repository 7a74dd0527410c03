import { types } from 'node:util';
import type { Row } from '../../database/database.ts';

/** How many values are copied for one batch, those inside of objects too: a few milliseconds of work. */
const MAX_COPIED_VALUES = 10_000;

/** Text and bytes count by their length: text may be JSON, which each entity parses for itself. */
const LENGTH_OF_VALUE = 100;

/** Copying is recursive, and JSON may be nested deeper than the stack is. */
const MAX_DEPTH = 100;

/**
 * How much may yet be copied in one go. Without a bound, parallel requests of a user with a large JSON column, or with
 * thousands of related rows, would stop the event loop for seconds.
 */
export class CopyBudget {
  left = MAX_COPIED_VALUES;

  /** Takes a value of this length; false if not enough is left. */
  spend(length: number): boolean {
    this.left -= 1 + length / LENGTH_OF_VALUE;
    return this.left >= 0;
  }
}

/** A value is of an unknown kind, or too large for what is left of the budget. */
class NotCopyableError extends Error {}

/** The rows, sharing nothing that could be changed with those given; undefined if they cannot be copied. */
export function copyRows(rows: readonly Row[], budget: CopyBudget): readonly Row[] | undefined {
  const { left } = budget;
  try {
    return rows.map((row) => copyRow(row, budget));
  } catch (error) {
    if (!(error instanceof NotCopyableError)) throw error;
    // Smaller rows of others may fit.
    budget.left = left;
    return undefined;
  }
}

/** A row of primitives is its own copy, as entities hold values, never the row itself. */
function copyRow(row: Row, budget: CopyBudget): Row {
  let copy = row;
  for (const [key, value] of Object.entries(row)) {
    const copied = copyValue(value, budget, MAX_DEPTH);
    if (copied !== value) copy = { ...copy, [key]: copied };
  }
  return copy;
}

/** Drivers make primitives, dates, bytes and JSON of a value. */
function copyValue(value: unknown, budget: CopyBudget, depth: number): unknown {
  const length = typeof value === 'string' || Buffer.isBuffer(value) ? value.length : 0;
  if (depth === 0 || !budget.spend(length)) throw new NotCopyableError();
  if (typeof value !== 'object' || value === null) return value;
  if (types.isDate(value)) return new Date(value);
  if (Buffer.isBuffer(value)) return Buffer.from(value);
  const copyPart = (part: unknown): unknown => copyValue(part, budget, depth - 1);
  if (Array.isArray(value)) return value.map(copyPart);
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== null && Object.getPrototypeOf(prototype) !== null) throw new NotCopyableError();
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, copyPart(part)]));
}
