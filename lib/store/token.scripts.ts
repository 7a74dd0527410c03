import type { QueryResult, Statements } from '../database/database.ts';
import type { Sql } from '../database/sql.ts';
import type { AbstractAuthToken } from '../entities/abstract-auth-token.entity.ts';
import type { OwnerKey } from './schema/owner.schema.ts';
import type { TokenSql } from './token.sql.ts';

/** How many rows one statement deletes, and one transaction that prunes: nobody waits for long. */
export const DELETE_BATCH_SIZE = 500;

/** What limits an insert. */
export interface InsertLimit {
  readonly owner: OwnerKey;
  /** How many unexpired tokens the owner may hold, this one included; null: any. */
  readonly limit: number | null;
  /** The instant at which tokens count as expired, in epoch milliseconds. */
  readonly now: number;
}

/**
 * Counts and inserts. The count holds only behind the owner's lock. A count inside of the INSERT would, on MariaDB, take
 * locks that make different owners wait for one another.
 */
export function* countAndInsert(
  sql: TokenSql,
  token: AbstractAuthToken,
  { owner, limit, now }: InsertLimit,
): Statements<'limit' | null> {
  if (limit !== null) {
    const { rows } = yield sql.countUnexpired(owner, now);
    if (Number(rows[0]?.total) >= limit) return 'limit';
  }
  return yield* insert(sql, token);
}

/** A trigger or a policy may take the row away without an error. */
function* insert(sql: TokenSql, token: AbstractAuthToken): Statements<null> {
  const { affected } = yield sql.insert(token);
  if (affected === 0) throw new Error('The INSERT of a token inserted no row.');
  return null;
}

/**
 * For the application's transaction, which may read an old snapshot: insert, then count with a locking read. Locks
 * that are taken before the insert would make the transactions of different owners wait for one another.
 */
export function* insertAndCount(
  sql: TokenSql,
  token: AbstractAuthToken,
  { owner, limit, now }: InsertLimit,
): Statements<'limit' | null> {
  yield* insert(sql, token);
  if (limit === null) return null;
  const { rows } = yield sql.countCommitted(owner, now);
  if (Number(rows[0]?.total) <= limit) return null;
  yield sql.delete(token.digest);
  return 'limit';
}

/**
 * Moves an expiry forward, unless another transaction holds the row: a refresh waits for no row. It reads the clock
 * after it has locked the row: if the token has expired by then, a login may have used its place, and a refresh would
 * exceed the limit.
 */
export function* refreshIfUnlocked(
  sql: TokenSql,
  digest: string,
  expiry: number,
  minGain: number,
): Statements<boolean> {
  const { rows } = yield sql.lockDigest(digest);
  if (rows.length === 0) return false;
  const { affected } = yield sql.refresh(digest, expiry, Date.now(), minGain);
  return affected > 0;
}

/** What a batch has deleted. */
export interface DeletedBatch {
  readonly deleted: number;
  /** Whether there may be more to delete. */
  readonly isFull: boolean;
}

/**
 * Deletes the tokens whose digests a SELECT finds, which are at most DELETE_BATCH_SIZE; with the last batch, also the
 * one of the digest `last`.
 *
 * @throws RowKeptError
 */
export function* deleteFound(
  sql: TokenSql,
  select: Sql,
  last: string | null = null,
): Statements<DeletedBatch> {
  const found = digestsOf(yield select);
  const isFull = found.length === DELETE_BATCH_SIZE;
  const digests = last === null || isFull ? found : [...found, last];
  if (digests.length === 0) return { deleted: 0, isFull };
  const { affected } = yield sql.deleteByDigests(digests);
  // Others may have deleted them, or something in the database may have kept them.
  if (affected < digests.length && digestsOf(yield sql.selectDigests(digests)).length > 0) {
    throw new RowKeptError();
  }
  return { deleted: affected, isFull };
}

/** Something in the database keeps a row without an error, such as a trigger or a row-level policy. */
export class RowKeptError extends Error {
  constructor() {
    super(
      'A token was not deleted: the DELETE succeeded, but its row is still there. Look for a trigger, a rule or a ' +
        'row-level security policy on the token table.',
    );
  }
}

/** The digests that a SELECT has found. */
export function digestsOf({ rows }: QueryResult): string[] {
  return rows.map(({ digest }) => String(digest));
}
