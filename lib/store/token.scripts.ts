import type { Statements } from '../database/database.ts';
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
  yield sql.insert(token);
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
  yield sql.insert(token);
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

/** Deletes the tokens whose digests a SELECT finds, but the one of the digest `except`. */
export function* deleteFound(
  sql: TokenSql,
  select: Sql,
  except: string | null = null,
): Statements<number> {
  const { rows } = yield select;
  const digests = rows.map(({ digest }) => String(digest)).filter((digest) => digest !== except);
  let deleted = 0;
  for (let start = 0; start < digests.length; start += DELETE_BATCH_SIZE) {
    const batch = digests.slice(start, start + DELETE_BATCH_SIZE);
    deleted += (yield sql.deleteByDigests(batch)).affected;
  }
  return deleted;
}
