import { edit, type Plant } from './mutant.ts';

const POOLED = 'lib/database/pooled.database.ts';
const POSTGRES = 'lib/database/postgres.dialect.ts';
const STORE = 'lib/store/token.store.ts';
const STATEMENTS = 'lib/store/token.sql.ts';

const OUTAGE = { tests: ['test/faults/outage.test.ts'] };
const LOST_COMMIT = { tests: ['test/faults/lost-commit.test.ts'] };
const APP_TRANSACTION = { tests: ['test/faults/app-transaction.test.ts'] };
const LOCKED_ROW = { tests: ['test/faults/locked-row.test.ts'] };
const LOCKED_TABLE = { tests: ['test/faults/locked-table.test.ts'] };
const POOL = { tests: ['test/faults/pool.test.ts'] };

/** A database that gives no answer is no reason to refuse a token. */
export const FAULT_IS_401 = [
  edit(
    'lib/service/error-boundary.ts',
    'return new KnoxUnavailableException(error);',
    "return new KnoxUnauthorizedException('invalid_token');",
  ),
  edit(
    'lib/service/error-boundary.ts',
    'import { KnoxUnavailableException }',
    'import { KnoxUnauthorizedException }',
  ),
];

/** What follows a login that was given up. */
export const NO_DISOWN = edit(
  STORE,
  'else this.#disown(token.digest, work, lateCommitMs(deadline));',
  '',
);

/** What databases do to requests that are down, frozen, killed, full or in the way. */
export const FAULTS: readonly Plant[] = [
  {
    name: 'A fault of the database is answered with 401',
    edits: FAULT_IS_401,
    trial: { tests: ['test/faults/outage.test.ts', 'test/faults/refused-writes.test.ts'] },
    expects: /is a 503/,
  },
  {
    name: 'A refresh that fails is thrown',
    edits: [
      edit(
        'lib/service/token.authenticator.ts',
        "logFault('A token could not be refreshed', error);",
        'throw error;',
      ),
    ],
    trial: { tests: ['test/faults/refused-writes.test.ts', 'test/faults/sqlite.test.ts'] },
    expects: /a refresh that is due is let be/,
  },
  {
    name: 'A token whose COMMIT was never acknowledged stays',
    edits: [NO_DISOWN],
    trial: LOST_COMMIT,
    expects: /leaves no token, though the commit was done|if the connection breaks/,
  },
  {
    name: 'A token is deleted once, and its COMMIT comes after that',
    edits: [
      edit(
        'lib/store/compensating-deletion.ts',
        "if (outcome === 'succeeded') return;",
        'if (outcome) return;',
      ),
    ],
    trial: LOST_COMMIT,
    expects: /and the commit arrives after the deletion/,
  },
  {
    name: 'A token is not deleted any more once an attempt has failed',
    edits: [
      edit(
        'lib/store/compensating-deletion.ts',
        '      await background.pause(Math.min(pause, PAUSE_MS.longest));\n      pause *= 2;',
        '      return;',
      ),
    ],
    trial: LOST_COMMIT,
    expects: /once the database is back|when the database is gone/,
  },
  {
    name: "A token that was given up in the application's own transaction is committed with it",
    edits: [
      edit(
        STORE,
        'if (transaction) undo(this.background, undoing, deadline, transaction);\n      else',
        'if (!transaction)',
      ),
    ],
    trial: APP_TRANSACTION,
    expects: /is not left behind where the application commits/,
  },
  {
    name: "A statement for the application's own transaction is sent after the deadline",
    edits: [edit('lib/database/database.ts', '    deadline.check();\n    step =', '    step =')],
    trial: APP_TRANSACTION,
    expects: /is not made after it was given up/,
  },
  {
    name: 'A refresh waits for the row',
    edits: [
      edit(
        STATEMENTS,
        'WHERE ${same.sql}${this.#skipLocked}`',
        "WHERE ${same.sql}${this.#skipLocked.replace(' SKIP LOCKED', '')}`",
      ),
    ],
    trial: LOCKED_ROW,
    expects: /waits for nobody/,
  },
  {
    name: 'A refresh brings back a token that has run out',
    edits: [
      edit(
        STATEMENTS,
        'AND ${this.#expiry} > ? AND',
        'AND ${this.#expiry} > ? - ${this.#expiry} AND',
      ),
    ],
    trial: { tests: ['test/faults/pool.test.ts', 'test/faults/locked-row.test.ts'] },
    expects: /then it stays run out|once a login has taken its place/,
  },
  {
    name: 'A statement is sent on a connection that came after the deadline',
    edits: [
      edit(POOLED, 'await deadline.race(connecting);', 'await connecting;'),
      edit(
        POOLED,
        'deadline.check();\n      return await deadline.race',
        'return await deadline.race',
      ),
    ],
    trial: POOL,
    expects: /may be exhausted by the application/,
  },
  {
    name: 'A connection that gives no answer goes back to the pool',
    edits: [
      edit(
        POOLED,
        'if (error instanceof DeadlineExceededError) await this.#dialect.abandon(runner);',
        '',
      ),
    ],
    trial: OUTAGE,
    expects: /the connections made meanwhile never hear of anyone/,
  },
  {
    name: 'A query on PostgreSQL that was given up goes on',
    edits: [
      edit(POSTGRES, 'if (runner.databaseConnection) await cancel(runner.databaseConnection);', ''),
    ],
    trial: LOCKED_TABLE,
    expects: /a table of postgres/,
  },
  {
    name: 'A connection of which nobody heard keeps its place in the pool',
    edits: [
      edit(
        POSTGRES,
        "await runner.releasePostgresConnection?.(new Error('No answer in time.'));",
        '',
      ),
    ],
    trial: OUTAGE,
    expects: /while postgres is frozen/,
  },
];
