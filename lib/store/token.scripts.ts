import type { QueryResult, Statements } from '../database/database.ts';
import type { Sql } from '../database/sql.ts';
import type { AbstractAuthToken } from '../entities/abstract-auth-token.entity.ts';
import type { OwnerKey } from './schema/owner.schema.ts';
import type { Eviction, TokenSql, TokenUse } from './token.sql.ts';

/** What limits an insert. */
export interface InsertLimit {
  readonly owner: OwnerKey;
  /** How many unexpired tokens the owner may hold, this one included; null: any. */
  readonly limit: number | null;
  /** Which tokens go to make room for this one; null: none, it is refused. */
  readonly evict: Eviction['by'] | null;
  /** The instant at which tokens count as expired, in epoch milliseconds. */
  readonly now: number;
}

/** What came of an insert. */
export interface InsertOutcome {
  /** `more`: nothing was inserted yet, because there are more tokens to evict than one transaction should delete. */
  readonly kind: 'inserted' | 'limit' | 'more';
  readonly evicted: number;
  /** The digests of those that made room. */
  readonly digests: readonly string[];
}

/**
 * Counts, makes room and inserts. The count holds only behind the owner's lock. A count inside of the INSERT would, on
 * MariaDB, take locks that make different owners wait for one another.
 *
 * @throws RowKeptError
 */
export function* countAndInsert(
  sql: TokenSql,
  token: AbstractAuthToken,
  limit: InsertLimit,
): Statements<InsertOutcome> {
  const { owner, now, evict } = limit;
  let gone: { readonly deleted: number; readonly digests: readonly string[] } = NONE_DELETED;
  const outcome = (kind: InsertOutcome['kind']): InsertOutcome => ({
    kind,
    evicted: gone.deleted,
    digests: gone.digests,
  });
  if (limit.limit !== null) {
    const { rows } = yield sql.countUnexpired(owner, now);
    const excess = Number(rows[0]?.total) - limit.limit + 1;
    if (excess > 0) {
      if (evict === null || limit.limit === 0) return outcome('limit');
      const count = Math.min(excess, sql.batchSize);
      const victims = sql.digestsToEvict(owner, { by: evict, now, count, except: null });
      gone = yield* deleteFound(sql, victims);
      if (count < excess) return outcome('more');
    }
  }
  yield* insert(sql, token);
  return outcome('inserted');
}

const NONE_DELETED = { deleted: 0, digests: [] };

/** A trigger or a policy may take the row away without an error. */
function* insert(sql: TokenSql, token: AbstractAuthToken): Statements<void> {
  const { affected } = yield sql.insert(token);
  if (affected === 0) throw new Error('The INSERT of a token inserted no row.');
}

/**
 * For the application's transaction, which may read an old snapshot: insert, then count with a locking read. Locks
 * that are taken before the insert would make the transactions of different owners wait for one another.
 */
export function* insertAndCount(
  sql: TokenSql,
  token: AbstractAuthToken,
  limit: InsertLimit,
): Statements<InsertOutcome> {
  const { owner, now, evict } = limit;
  yield* insert(sql, token);
  if (limit.limit === null) return { kind: 'inserted', evicted: 0, digests: [] };
  const { rows } = yield sql.countCommitted(owner, now);
  const excess = Number(rows[0]?.total) - limit.limit;
  if (excess <= 0) return { kind: 'inserted', evicted: 0, digests: [] };
  if (evict === null || limit.limit === 0) {
    yield sql.delete(token.digest);
    return { kind: 'limit', evicted: 0, digests: [] };
  }
  let evicted = 0;
  const digests: string[] = [];
  while (evicted < excess) {
    const count = Math.min(excess - evicted, sql.batchSize);
    const eviction = { by: evict, now, count, except: token.digest };
    const found = yield* deleteFound(sql, sql.digestsToEvictNow(owner, eviction));
    // Others have revoked the rest meanwhile.
    if (found.deleted === 0) break;
    evicted += found.deleted;
    digests.push(...found.digests);
  }
  return { kind: 'inserted', evicted, digests };
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

/** Writes uses of tokens, but of those whose rows others hold: a use waits for no row, and none waits for it. */
export function* touchUnlocked(
  sql: TokenSql,
  uses: readonly TokenUse[],
  minGain: number,
): Statements<void> {
  const locked = new Set(digestsOf(yield sql.lockDigests(uses.map(({ digest }) => digest))));
  const writable = uses.filter(({ digest }) => locked.has(digest));
  if (writable.length > 0) yield sql.touch(writable, minGain);
}

/** What a batch has deleted. */
export interface DeletedBatch {
  readonly deleted: number;
  /** Whether there may be more to delete. */
  readonly isFull: boolean;
}

/** The same with the digests of all that are gone, also of those that others deleted meanwhile. */
export interface DeletedTokens extends DeletedBatch {
  readonly digests: readonly string[];
}

/**
 * Deletes the tokens whose digests a SELECT finds, which are a batch at most; with the last batch, also the one of the
 * digest `last`.
 *
 * @throws RowKeptError
 */
export function* deleteFound(
  sql: TokenSql,
  select: Sql,
  last: string | null = null,
): Statements<DeletedTokens> {
  const found = digestsOf(yield select);
  const isFull = found.length === sql.batchSize;
  const digests = last === null || isFull ? found : [...found, last];
  if (digests.length === 0) return { deleted: 0, isFull, digests };
  const { affected } = yield sql.deleteByDigests(digests);
  // Others may have deleted them, or something in the database may have kept them.
  if (affected < digests.length && digestsOf(yield sql.selectDigests(digests)).length > 0) {
    throw new RowKeptError();
  }
  return { deleted: affected, isFull, digests };
}

/**
 * Deletes a batch of the tokens that are expired at `now`, of one owner or of all.
 *
 * @throws RowKeptError
 */
export function* deleteExpired(
  sql: TokenSql,
  owner: OwnerKey | null,
  now: number,
): Statements<DeletedTokens> {
  let gone: DeletedTokens = { deleted: 0, isFull: false, digests: [] };
  for (const select of sql.expiredDigests(owner, now)) {
    const { deleted, isFull, digests } = yield* deleteFound(sql, select);
    gone = { deleted: gone.deleted + deleted, isFull, digests: [...gone.digests, ...digests] };
    if (isFull) break;
  }
  return gone;
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
