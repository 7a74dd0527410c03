import { describe, expect, it } from '@jest/globals';
import { CopyBudget, copyRows } from '../../lib/store/lookup/row.copy.ts';

const row = () => ({
  id: 1,
  name: 'Ada',
  nothing: null,
  seenAt: new Date(0),
  photo: Buffer.from('photo'),
  settings: JSON.parse('{"theme":{"colours":["red"]},"__proto__":{"a":1}}') as object,
  texts: ['a', 'b'],
});

/** Every object in a value, itself included. */
function objectsIn(value: unknown): object[] {
  if (typeof value !== 'object' || value === null) return [];
  return Buffer.isBuffer(value) ? [value] : [value, ...Object.values(value).flatMap(objectsIn)];
}

describe('copyRows', () => {
  it('gives equal rows that share no object', () => {
    const rows = [row(), row()];
    const copies = copyRows(rows, new CopyBudget());
    expect(copies).toStrictEqual(rows);
    const objects = [...objectsIn(rows), ...objectsIn(copies)];
    expect(new Set(objects).size).toBe(objects.length);
  });

  it('copies no row of primitives, as no entity holds the row', () => {
    const plain = { id: 1, name: 'Ada', nothing: null, big: 1n };
    expect(copyRows([plain], new CopyBudget())?.[0]).toBe(plain);
  });

  it.each([
    ['a class', new (class Money {})()],
    ['a map', new Map()],
    ['a class, deep inside', { list: [new Set()] }],
    ['JSON deeper than 100 levels', JSON.parse('['.repeat(101) + ']'.repeat(101)) as unknown],
    ['more than 10,000 values', Array<number>(10_000).fill(1)],
    ['a text of more than a million characters', 'a'.repeat(1_000_001)],
    ['more than a million bytes', Buffer.alloc(1_000_001)],
  ])('gives none for %s', (_, value) => {
    expect(copyRows([{ id: 1, value }], new CopyBudget())).toBeUndefined();
  });

  it('copies large rows as long as the budget lasts', () => {
    const budget = new CopyBudget();
    const large = { text: 'a'.repeat(240_000) };
    const copies = Array.from({ length: 6 }, () => copyRows([large], budget));
    expect(copies.filter((copy) => copy !== undefined)).toHaveLength(4);
  });
});
