import { replaceBody, replaceIn, type Edit } from './edit.ts';
import type { Mutant } from './mutant.ts';

const LOGINS = { tests: ['test/races/logins.test.ts'] };
const REVOCATION = { tests: ['test/races/revocation.test.ts'] };
const EXPIRY = { tests: ['test/races/expiry.test.ts'] };

/** Two processes count at the same time. */
export const NO_LOCK: readonly Edit[] = [
  replaceIn('TokenStore.#insert', /const lock = [^;]+;/, 'const lock = null;'),
];

/** A 204, and the row stays. */
export const NO_DELETION: readonly Edit[] = [
  replaceBody('TokenStore.delete', 'return Promise.resolve(true);'),
];

/** A verdict that is up to two seconds old. */
export const CACHED_VERDICTS: readonly Edit[] = [
  replaceIn(
    'TokenStore.find',
    /return ([^;]+);/,
    `const cache = ((this as any).cachedVerdicts ??= new Map());
    if (cache.has(digest)) return cache.get(digest);
    const found = $1;
    cache.set(digest, found);
    setTimeout(() => cache.delete(digest), 2_000).unref();
    return found;`,
  ),
];

/** What two requests, two processes or two connections do to each other. */
export const RACES: readonly Mutant[] = [
  {
    name: "A limit is counted without the owner's lock",
    edits: NO_LOCK,
    check: LOGINS,
    killedBy: /count what was made meanwhile/,
  },
  {
    name: "A login on PostgreSQL counts at the server's default isolation level",
    edits: [
      replaceIn('POSTGRES.begin', / ISOLATION LEVEL READ COMMITTED/, ''),
      replaceIn('PostgresDriver.prepareSession', /default_transaction_isolation: [^,]+,/, ''),
    ],
    check: LOGINS,
    killedBy: /on postgres at REPEATABLE READ/,
  },
  {
    name: 'A logout is answered before the row is deleted',
    edits: [replaceIn('TokenManager.logOut', /await (?=this\.revoke\()/, 'void ')],
    check: REVOCATION,
    killedBy: /end a token that is being refreshed/,
  },
  {
    name: 'A logout is answered and deletes nothing',
    edits: NO_DELETION,
    check: REVOCATION,
    killedBy: /end a token that is being refreshed/,
  },
  {
    name: 'Each of many logouts of one token is told that it ended the token',
    edits: [replaceIn('TokenStore.delete', /> 0/, '>= 0')],
    check: REVOCATION,
    killedBy: /end a token once, however many log it out/,
  },
  {
    name: 'A refresh inserts the row where it is gone, so that a revoked token is back',
    edits: [
      replaceBody(
        'TokenStore.refresh',
        `token.expiry = new Date(expiry);
        await this.#dataSource.manager.upsert(this.tokenEntity, token, ['digest']);
        return true;`,
      ),
    ],
    check: REVOCATION,
    killedBy: /end a token that is being refreshed/,
  },
  {
    name: 'A refresh is written over that of another request',
    edits: [replaceIn('TokenSql.refresh', / AND \$\{this\.#expiry\} < \$\{[^}]+\}/, '')],
    check: EXPIRY,
    killedBy: /of one token are one write/,
  },
  {
    name: 'A refresh of a token that is about to expire does not wait for the logins that count it',
    edits: [replaceBody('mayExpireBeforeCommit', 'return false;')],
    check: { tests: ['test/faults/locked-row.test.ts'] },
    killedBy: /is counted by a login that/,
  },
  {
    name: 'A verdict is cached for two seconds',
    edits: CACHED_VERDICTS,
    check: REVOCATION,
    killedBy: /end a token that is being refreshed/,
  },
  {
    name: 'Pruning deletes what others are deleting, and counts it',
    edits: [
      replaceIn('TokenSql.expiredDigests', /\$\{this\.#dialect\.skipLocked\}/, ''),
      replaceIn('deleteFound', /deleted: affected/, 'deleted: digests.length'),
    ],
    check: EXPIRY,
    // The other backends would wait just as long for rows that never appear.
    killedBy:
      /on postgres at READ COMMITTED fails none of them and tells each expiry once \(round 1/,
  },
  {
    name: "SQLite writes on the application's own connection, and in its transaction",
    edits: [
      replaceIn('SqliteDatabase.#openFile', /isInMemory\([^)]+\)/, 'true'),
      replaceIn('SqliteDatabase.#write', /if \(\w+\.inTransaction\)[^;]+;/, ''),
    ],
    check: { tests: ['test/store/sqlite-connections.test.ts'] },
    killedBy: /SQLite in a file/,
  },
];
