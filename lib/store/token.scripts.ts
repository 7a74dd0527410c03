import type { AbstractAuthToken } from '../entities/abstract-auth-token.entity.ts';
import type { Script } from '../database/database.ts';
import type { OwnerKey } from './schema/owner.schema.ts';
import type { TokenStatements } from './token.sql.ts';

/** How many rows one statement, and one transaction that prunes, deletes: nobody waits for long. */
export const BATCH = 500;

/** What a token needs besides its own columns to be inserted. */
export interface InsertTerms {
  readonly owner: OwnerKey;
  /** How many unexpired tokens the owner may hold, this one included; null: any. */
  readonly limit: number | null;
  /** The instant at which tokens count as expired, in epoch milliseconds. */
  readonly now: number;
}

/** Counts and inserts. The count holds only behind the owner's lock. */
export function* countAndInsert(
  statements: TokenStatements,
  token: AbstractAuthToken,
  { owner, limit, now }: InsertTerms,
): Script<'limit' | null> {
  if (limit !== null) {
    const within = statements.insertWithin(token, limit, owner, now);
    if (within) return (yield within).affected === 0 ? 'limit' : null;
    const { rows } = yield statements.countUnexpired(owner, now);
    if (Number(rows[0]?.total) >= limit) return 'limit';
  }
  yield statements.insert(token);
  return null;
}

/**
 * The other way round, for a transaction of the application's own, which may be at an isolation level
 * that reads an old snapshot. There the count must lock what it reads, and locks that are taken
 * before an insert would make the transactions of different owners wait for one another.
 */
export function* insertAndCount(
  statements: TokenStatements,
  token: AbstractAuthToken,
  { owner, limit, now }: InsertTerms,
): Script<'limit' | null> {
  yield statements.insert(token);
  if (limit === null) return null;
  const { rows } = yield statements.countCurrent(owner, now);
  if (Number(rows[0]?.total) <= limit) return null;
  yield statements.delete(token.digest);
  return 'limit';
}

/**
 * Moves an expiry forward, unless someone else holds the row: a refresh waits for no row. Whether it has
 * run out is asked with the row in hand, and the clock read then: a login may have taken its place.
 */
export function* refreshUnlocked(
  statements: TokenStatements,
  digest: string,
  expiry: number,
  minGain: number,
): Script<boolean> {
  const { rows } = yield statements.unlockedDigest(digest);
  if (rows.length === 0) return false;
  const { affected } = yield statements.refresh(digest, expiry, Date.now(), minGain);
  return affected > 0;
}

/** Deletes the owner's tokens but the one of this digest. */
export function* deleteOwned(
  statements: TokenStatements,
  owner: OwnerKey,
  except: string | null,
): Script<number> {
  const { rows } = yield statements.ownedDigests(owner);
  const digests = digestsOf(rows).filter((digest) => digest !== except);
  return yield* deleteAll(statements, digests);
}

/** Deletes a batch of the tokens that are expired at `now`, of one owner or of all. */
export function* deleteExpired(
  statements: TokenStatements,
  owner: OwnerKey | null,
  now: number,
): Script<number> {
  const { rows } = yield statements.expiredDigests(owner, now, BATCH);
  return yield* deleteAll(statements, digestsOf(rows));
}

function* deleteAll(statements: TokenStatements, digests: readonly string[]): Script<number> {
  let deleted = 0;
  for (let start = 0; start < digests.length; start += BATCH) {
    const { affected } = yield statements.deleteFound(digests.slice(start, start + BATCH));
    deleted += affected;
  }
  return deleted;
}

function digestsOf(rows: readonly Record<string, unknown>[]): string[] {
  return rows.map((row) => String(row.digest));
}
