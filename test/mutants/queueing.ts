import { edit, type Plant } from './mutant.ts';

const LOCKED_ROW = { tests: ['test/faults/locked-row.test.ts'] };
const OVERLOAD = { tests: ['test/faults/overload.test.ts'] };
const SQLITE = { tests: ['test/faults/sqlite.test.ts'] };

/** Who waits for whom, and for how long. */
export const LINES: readonly Plant[] = [
  {
    name: "One user's flood of logins takes all connections",
    edits: [
      edit(
        'lib/database/pooled.database.ts',
        'return owner === null ? work() : this.#owners.pass(String(owner), deadline, work);',
        'return work();',
      ),
    ],
    trial: OVERLOAD,
    expects: /of one user are bounded by themselves/,
  },
  {
    name: 'Each logout of one token holds a connection',
    edits: [
      edit(
        'lib/database/pooled.database.ts',
        'return this.#rows.pass(key, deadline, async () => (await work()).affected);',
        'return work().then(({ affected }) => affected);',
      ),
    ],
    trial: LOCKED_ROW,
    expects: /keeps one connection busy/,
  },
  {
    name: 'A logout on MariaDB waits for its row as long as the server likes',
    edits: [
      edit(
        'lib/database/mariadb.dialect.ts',
        '`SET STATEMENT innodb_lock_wait_timeout = ${String(Math.ceil(ms / 1000))} FOR ${sql}`',
        'sql',
      ),
    ],
    trial: LOCKED_ROW,
    expects: /on mariadb keeps one connection busy/,
  },
  {
    name: 'Lookups wait in a line without an end',
    edits: [
      edit(
        'lib/async/semaphore.ts',
        'LONGEST_LINE = 10_000;',
        'LONGEST_LINE = Number.POSITIVE_INFINITY;',
      ),
    ],
    trial: OVERLOAD,
    expects: /wait in a line of bounded length/,
  },
  {
    name: 'The oldest go first, so that nobody is served in time',
    edits: [
      edit(
        'lib/async/semaphore.ts',
        'lookups.pop() ?? first.pop() ?? second.pop()',
        'lookups.shift() ?? first.shift() ?? second.shift()',
      ),
    ],
    trial: { tests: ['test/async/semaphore.test.ts'] },
    expects: /lets in the newest first/,
  },
  {
    name: "One user's requests wait in a line without an end",
    edits: [
      edit(
        'lib/async/semaphore.ts',
        'LONGEST_SINGLE_FILE = 1_000;',
        'LONGEST_SINGLE_FILE = Number.POSITIVE_INFINITY;',
      ),
    ],
    trial: OVERLOAD,
    expects: /of one user are bounded by themselves/,
  },
  {
    name: 'SQLite waits for a lock, and the event loop with it',
    edits: [
      edit(
        'lib/database/sqlite.database.ts',
        "pragma('busy_timeout = 0')",
        "pragma('busy_timeout = 5000')",
      ),
    ],
    trial: SQLITE,
    expects: /the event loop turns/,
  },
  {
    name: 'Lookups wait for all the other reads',
    edits: [
      edit(
        'lib/async/semaphore.ts',
        'lookups.pop() ?? first.pop() ?? second.pop()',
        'first.pop() ?? second.pop() ?? lookups.pop()',
      ),
    ],
    trial: OVERLOAD,
    expects: /no one else's lookup waits for them/,
  },
  {
    name: 'All that would write to an SQLite file try whether it is locked',
    edits: [
      edit(
        'lib/database/sqlite.database.ts',
        'new Turnstile(1, LONGEST_LINE)',
        'new Turnstile(Number.POSITIVE_INFINITY, LONGEST_LINE)',
      ),
    ],
    trial: SQLITE,
    expects: /only the first of them tries it/,
  },
];
