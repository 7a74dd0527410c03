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

/**
 * The rows, sharing nothing that could be changed with those given. Undefined if a value is of an unknown kind, or
 * too large for what is left of the budget.
 */
export function copyRows(rows: readonly Row[], budget: CopyBudget): readonly Row[] | undefined {
  const { left } = budget;
  const copies: Row[] = [];
  for (const row of rows) {
    const copy = copyRow(row, budget);
    if (!copy) {
      // Smaller rows of others may fit.
      budget.left = left;
      return undefined;
    }
    copies.push(copy);
  }
  return copies;
}

/** A row of primitives is its own copy, as entities hold values, never the row itself. */
function copyRow(row: Row, budget: CopyBudget): Row | undefined {
  let copy: Record<string, unknown> | undefined;
  for (const key of Object.keys(row)) {
    const value = row[key];
    if (!isCopyable(value, budget, MAX_DEPTH)) return undefined;
    if (typeof value !== 'object' || value === null) continue;
    copy ??= { ...row };
    copy[key] = copyValue(value);
  }
  return copy ?? row;
}

/** Drivers make primitives, dates, bytes and JSON of a value. */
function isCopyable(value: unknown, budget: CopyBudget, depth: number): boolean {
  const length = typeof value === 'string' || Buffer.isBuffer(value) ? value.length : 0;
  if (depth === 0 || !budget.spend(length)) return false;
  if (typeof value !== 'object' || value === null) return true;
  if (types.isDate(value) || Buffer.isBuffer(value)) return true;
  const prototype: unknown = Array.isArray(value) ? null : Object.getPrototypeOf(value);
  const isPlain = prototype === null || Object.getPrototypeOf(prototype) === null;
  return isPlain && Object.values(value).every((part) => isCopyable(part, budget, depth - 1));
}

function copyValue(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (types.isDate(value)) return new Date(value);
  if (Buffer.isBuffer(value)) return Buffer.from(value);
  if (Array.isArray(value)) return value.map(copyValue);
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, copyValue(part)]));
}
