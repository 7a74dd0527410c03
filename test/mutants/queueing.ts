import { replaceBody, replaceIn } from './edit.ts';
import type { Mutant } from './mutant.ts';

const LOCKED_ROW = { tests: ['test/faults/locked-row.test.ts'] };
const OVERLOAD = { tests: ['test/faults/overload.test.ts'] };
const SEMAPHORE = { tests: ['test/async/semaphore.test.ts'] };
const SQLITE = { tests: ['test/faults/sqlite.test.ts'] };

/** Who waits for whom, and for how long. */
export const QUEUEING: readonly Mutant[] = [
  {
    name: "One user's flood of logins takes all connections",
    edits: [
      replaceIn(
        'TokenStore.#insert',
        /this\.#owners\.runExclusive\(String\(owner\), op, (\(\) => .*?limit\)\))\)/,
        '($1)()',
      ),
      replaceIn('TokenStore.#transact', /owner === null \? (work\(\)) : [^;]+(?=\);)/, '$1'),
    ],
    check: OVERLOAD,
    killedBy: /of one user are bounded by themselves/,
  },
  {
    name: 'Each logout of one token holds a connection',
    edits: [
      replaceIn(
        'TokenStore.#delete',
        /this\.#rows\.runExclusive\(digest, op, (async .*\})\);/,
        '($1)();',
      ),
    ],
    check: LOCKED_ROW,
    killedBy: /keeps one connection busy/,
  },
  {
    name: 'The event loop stands still while an SQLite file is written to again and again',
    edits: [replaceIn('SqliteDatabase.#limit', /setImmediate\(release\)/, 'release()')],
    check: { tests: ['test/service/end-tokens.test.ts'] },
    killedBy: /lets the event loop turn while it ends/,
  },
  {
    name: 'A logout on MariaDB waits for its row as long as the server likes',
    edits: [
      replaceIn(
        'MariadbDriver.prepareSession',
        /(?:innodb_lock_wait_timeout|max_statement_time): seconds,/g,
        '',
      ),
    ],
    check: LOCKED_ROW,
    killedBy: /on mariadb keeps one connection busy/,
  },
  {
    name: 'The number of waiting lookups has no limit',
    edits: [replaceBody('MAX_WAITING', 'Number.POSITIVE_INFINITY')],
    check: OVERLOAD,
    killedBy: /wait in a line of bounded length/,
  },
  {
    name: 'The oldest go first, so that nobody is served in time',
    edits: [replaceIn('takeNext', /\.pop\(\)/, '.shift()')],
    check: SEMAPHORE,
    killedBy: /admits the last one first/,
  },
  {
    name: 'The newest go first though all could be served in time',
    edits: [replaceIn('takeNext', /\.shift\(\)/, '.pop()')],
    check: SEMAPHORE,
    killedBy: /passes none by while others come/,
  },
  {
    name: "The number of one user's waiting requests has no limit",
    edits: [replaceBody('MAX_WAITING_PER_KEY', 'Number.POSITIVE_INFINITY')],
    check: OVERLOAD,
    killedBy: /of one user are bounded by themselves/,
  },
  {
    name: 'SQLite waits for a lock, and the event loop with it',
    edits: [replaceIn('SqliteDatabase.#openFile', /busy_timeout = 0/, 'busy_timeout = 5000')],
    check: SQLITE,
    killedBy: /the event loop turns/,
  },
  {
    name: 'Lookups wait for all the other reads',
    edits: [replaceIn('Semaphore.#release', /'lookup', ('\w+', '\w+')/g, "$1, 'lookup'")],
    check: SEMAPHORE,
    killedBy: /admits lookups first/,
  },
  {
    name: 'Writes may hold all connections',
    edits: [replaceIn('Semaphore.constructor', /permits - reserved/, 'permits')],
    check: { tests: ['test/faults/blocked-writes.test.ts'] },
    killedBy: /keep no lookup waiting/,
  },
  {
    name: 'The place of a connection that was closed is never free again',
    edits: [replaceIn('OwnConnections.#discard', /this\.#leave\(\);/, '')],
    check: { tests: ['test/database/own-connections.test.ts'] },
    killedBy: /are closed when work leaves a transaction open/,
  },
  {
    name: 'All that would write to an SQLite file try whether it is locked',
    edits: [replaceIn('SqliteDatabase.#writers', /\(1,/, '(Number.POSITIVE_INFINITY,')],
    check: SQLITE,
    killedBy: /only the first of them tries it/,
  },
  {
    name: 'SQLite deletes as many rows in one stroke of the event loop as a server does',
    edits: [replaceBody('SQLITE.deleteBatchSize', '500')],
    check: { tests: ['test/service/end-tokens.test.ts'] },
    killedBy: /on sqlite revokeAll ends more tokens than one statement deletes/,
  },
  {
    name: 'The deletion of many tokens leaves others no time',
    edits: [replaceIn('inBatches', /if \(rests\) await op\.deadline\.sleep\([^;]+;/, '')],
    check: { tests: ['test/service/token.revoker.test.ts'] },
    killedBy: /rests after each batch for as long as it took/,
  },
];
