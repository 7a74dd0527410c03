import { replaceBody, replaceIn, type Edit } from './edit.ts';
import type { Mutant } from './mutant.ts';

const OUTAGE = { tests: ['test/faults/outage.test.ts'] };
const LOST_COMMIT = { tests: ['test/faults/lost-commit.test.ts'] };
const APP_TRANSACTION = { tests: ['test/faults/app-transaction.test.ts'] };
const LOCKED_ROW = { tests: ['test/faults/locked-row.test.ts'] };
const LOCKED_TABLE = { tests: ['test/faults/locked-table.test.ts'] };
const OWN_CONNECTIONS = { tests: ['test/database/own-connections.test.ts'] };
const CONNECTION_KILLED = { tests: ['test/faults/connection-killed.test.ts'] };
const CONNECTION_STATES = { tests: ['test/faults/connection-states.test.ts'] };

/** A database that gives no answer is no reason to refuse a token. */
export const FAULT_IS_401: readonly Edit[] = [
  replaceIn(
    'TokenManager.#authenticate',
    /throw toHttpError\(error\)/,
    `throw error instanceof KnoxUnauthorizedException
      ? error
      : new KnoxUnauthorizedException('invalid_token')`,
  ),
];

/** The token of a login that was answered with an error stays. */
export const NO_COMPENSATION: readonly Edit[] = [replaceBody('CompensatingDeletion.schedule', '')];

/** What databases do to requests while they are down, frozen, killed, full or locked. */
export const FAULTS: readonly Mutant[] = [
  {
    name: 'A fault of the database is answered with 401',
    edits: FAULT_IS_401,
    check: { tests: ['test/faults/outage.test.ts', 'test/faults/refused-writes.test.ts'] },
    killedBy: /is a 503/,
  },
  {
    name: 'A refresh that fails is thrown',
    edits: [replaceIn('TokenAuthenticator.#refresh', /logFault\([^;]+;/, 'throw error;')],
    check: { tests: ['test/faults/sqlite.test.ts'] },
    killedBy: /a refresh that is due is let be/,
  },
  {
    name: 'A token whose COMMIT was never acknowledged stays',
    edits: NO_COMPENSATION,
    check: LOST_COMMIT,
    killedBy: /leaves no token, though the commit was done|if the connection breaks/,
  },
  {
    name: 'A token is deleted once, and its COMMIT comes after that',
    edits: [
      replaceIn('CompensatingDeletion.schedule', /(?<=if \()outcome === 'succeeded'/, 'outcome'),
    ],
    check: LOST_COMMIT,
    killedBy: /and the commit arrives after the deletion/,
  },
  {
    name: 'A token is not deleted any more once an attempt has failed',
    edits: [
      replaceIn('CompensatingDeletion.#deleteUntilConfirmed', /!this\.#tasks\.isClosed/, 'false'),
    ],
    check: LOST_COMMIT,
    killedBy: /once the database is back|when the database is gone/,
  },
  {
    name: "A token that was given up in the application's own transaction is committed with it",
    edits: [replaceBody('CompensatingDeletion.scheduleIn', '')],
    check: APP_TRANSACTION,
    killedBy: /is not left behind where the application commits/,
  },
  {
    name: "A statement for the application's own transaction is sent after the deadline",
    edits: [replaceIn('runScript', /op\.deadline\.throwIfPassed\(\);/, '')],
    check: APP_TRANSACTION,
    killedBy: /is not made after it was given up/,
  },
  {
    name: 'A refresh waits for the row',
    edits: [replaceIn('TokenSql.lockDigest', /\$\{this\.#dialect\.skipLocked\}/, ' FOR UPDATE')],
    check: LOCKED_ROW,
    killedBy: /waits for nobody/,
  },
  {
    name: 'A refresh brings back a token that has expired',
    edits: [replaceIn('TokenSql.refresh', / AND \$\{this\.#expiry\} > \$\{now\}/, '')],
    check: LOCKED_ROW,
    killedBy: /expires while its refresh waits/,
  },
  {
    name: 'A statement is sent on a connection that came after the deadline',
    edits: [
      replaceIn('OwnConnections.next', /op\.race\(connection\)/, 'connection'),
      replaceIn('PooledDatabase.#work', /op\.deadline\.throwIfPassed\(\);/, ''),
    ],
    check: OWN_CONNECTIONS,
    killedBy: /do no work for those who have given up/,
  },
  {
    name: 'A connection that gives no answer goes back to the pool',
    edits: [replaceIn('PooledDatabase.#work', /this\.#driver\.discard\([^)]+\)/, 'undefined')],
    check: OUTAGE,
    killedBy: /the connections made meanwhile never hear of anyone/,
  },
  {
    name: 'Each idle connection to a host that is gone costs a deadline',
    edits: [replaceIn('PooledDatabase.#work', /this\.#connections\.discardSilent\([^)]+\);/, '')],
    check: OWN_CONNECTIONS,
    killedBy: /cost one deadline, however many are idle/,
  },
  {
    name: 'A connection that gives no answer has all idle ones closed',
    edits: [replaceIn('OwnConnections.discardSilent', /idleSince < since/, 'idleSince > 0')],
    check: OWN_CONNECTIONS,
    killedBy: /are kept if they have answered while another one got no answer/,
  },
  {
    name: 'A query on PostgreSQL that was given up goes on',
    edits: [replaceBody('cancel', 'return Promise.resolve();')],
    check: LOCKED_TABLE,
    killedBy: /a table of postgres/,
  },
  {
    name: 'A server that ends a new connection at once ends the process',
    edits: [replaceBody('PostgresDriver.onConnected', '')],
    check: CONNECTION_KILLED,
    killedBy: /to postgres that is killed in the moment/,
  },
  {
    name: "A connection of which nobody heard goes back to pg's pool",
    edits: [replaceBody('PostgresDriver.discard', 'await runner.release();')],
    check: OWN_CONNECTIONS,
    killedBy: /on postgres are closed when/,
  },
  {
    name: "Statements run on the application's connections",
    edits: [
      replaceBody('OwnConnections.takeIdle', 'return undefined;'),
      replaceBody(
        'OwnConnections.#open',
        `const runner = this.#dataSource.createQueryRunner('master');
        await runner.connect();
        return new OwnConnection(runner, this.#dataSource, this.#driver);`,
      ),
      replaceIn(
        'OwnConnections.giveBack',
        /if \(!isUsable\(connection\)/,
        `if (this.#waiting.length === 0) {
          void connection.runner.release();
          this.#leave();
          return;
        }
        if (!isUsable(connection)`,
      ),
    ],
    check: {
      tests: ['test/faults/connection-states.test.ts', 'test/faults/used-up-pool.test.ts'],
    },
    killedBy:
      /postgres with another search_path do no harm|with an open transaction do no harm|still answers requests/,
  },
  {
    name: "A new connection's session is left as the server's defaults have it",
    edits: [
      replaceBody('PostgresDriver.prepareSession', ''),
      replaceBody('MariadbDriver.prepareSession', ''),
    ],
    check: CONNECTION_STATES,
    killedBy:
      /postgres with timeouts that its data source sets do no harm|mariadb with max_statement_time as its account’s default do no harm/,
  },
  {
    name: 'A connection that was left in a transaction is used again',
    edits: [
      replaceIn('OwnConnections.giveBack', / \|\| connection\.runner\.isTransactionActive/, ''),
    ],
    check: OWN_CONNECTIONS,
    killedBy: /are closed when work leaves a transaction open/,
  },
  {
    name: 'A stale prepared statement fails lookups for ever',
    edits: [replaceIn('PostgresDriver.query', /!STALE_STATEMENT\.test\([^;]+\)\)/, 'error)')],
    check: OWN_CONNECTIONS,
    killedBy: /on postgres find a table that was altered/,
  },
];
