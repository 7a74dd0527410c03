import { replaceIn } from './edit.ts';
import { FAULT_IS_401, NO_COMPENSATION } from './faults.ts';
import { KEPT_SOCKET_VERDICT } from './fuzzing.ts';
import type { Mutant } from './mutant.ts';
import { CACHED_VERDICTS, NO_DELETION, NO_LOCK } from './races.ts';
import { CONSUME_WITHOUT_VERDICT, REAUTHENTICATION_BY_INSERT } from './sessions.ts';

/** A short soak of one database; the same users each time. */
const soak = (database: string, seconds = 25): { readonly soak: readonly string[] } => ({
  soak: [
    ...['--database', database, '--seconds', String(seconds)],
    ...['--chaos-seconds', '10', '--rounds', '60', '--seed', '7'],
  ],
});

/** What the soak has to find by itself, without being told where to look. */
export const SOAKS: readonly Mutant[] = [
  {
    name: 'In a soak of SQLite, a logout deletes nothing',
    edits: NO_DELETION,
    check: soak('sqlite'),
    killedBy: /accepted after revocation/,
  },
  {
    name: 'In a soak of MariaDB, a fault is answered with 401',
    edits: FAULT_IS_401,
    // With few faults it is luck whether one meets a lookup.
    check: soak('mariadb', 60),
    killedBy: /refused though valid/,
  },
  {
    name: 'In a soak of MariaDB, a verdict is cached for two seconds',
    edits: CACHED_VERDICTS,
    check: soak('mariadb'),
    killedBy: /accepted after revocation/,
  },
  {
    name: 'In a soak of SQLite, the verdict on the first message of a socket is kept',
    edits: KEPT_SOCKET_VERDICT,
    check: soak('sqlite'),
    killedBy: /accepted after revocation/,
  },
  {
    name: 'In a soak of SQLite, a GraphQL mutation and a message of a socket revoke nothing',
    edits: [
      // A logout over HTTP is for a request.
      replaceIn(
        'TokenRevoker.revoke',
        /(?=if \(digest === null)/,
        'if (!op.isForRequest) return true; ',
      ),
    ],
    check: soak('sqlite'),
    killedBy: /accepted after revocation/,
  },
  {
    name: "In a soak of MariaDB, a limit is counted without the owner's lock",
    edits: NO_LOCK,
    check: soak('mariadb'),
    killedBy: /rounds of logins with another number of tokens than the limit/,
  },
  {
    name: 'In a soak of PostgreSQL, a token whose COMMIT was never acknowledged stays',
    edits: NO_COMPENSATION,
    check: soak('postgres', 60),
    killedBy: /tokens left by logins that failed/,
  },
  {
    name: 'In a soak of PostgreSQL, consume looks the token up, and deletes it afterwards',
    edits: CONSUME_WITHOUT_VERDICT,
    check: soak('postgres'),
    killedBy: /consumed, replaced or ended twice/,
  },
  {
    name: 'In a soak of MariaDB, a reauthentication inserts a token, and deletes the old one afterwards',
    edits: REAUTHENTICATION_BY_INSERT,
    check: soak('mariadb'),
    killedBy: /sessions of two tokens|consumed, replaced or ended twice/,
  },
  {
    name: 'In a soak of SQLite, a login at the limit evicts the newest token',
    edits: [replaceIn('TokenSql.digestsToEvict', /ORDER BY \$\{since\}/, 'ORDER BY ${since} DESC')],
    check: soak('sqlite'),
    killedBy: /evicted though newer than others/,
  },
  {
    name: 'In a soak of SQLite, a connection goes on whose token another process has revoked',
    edits: [replaceIn('TokenPoller.#apply', /this\.#end\(token, .*?\);/, 'token.goodAt = sentAt;')],
    check: soak('sqlite'),
    killedBy: /open after revocation/,
  },
];
