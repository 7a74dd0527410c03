import { FAULT_IS_401, NO_DISOWN } from './faults.ts';
import type { Plant } from './mutant.ts';
import { KEPT_VERDICTS, NO_DELETION, NO_LOCK } from './races.ts';

/** A short soak of one database; the same users each time. */
const soak = (database: string, seconds = 25): { readonly soak: readonly string[] } => ({
  soak: [
    ...['--database', database, '--seconds', String(seconds)],
    ...['--chaos-seconds', '10', '--rounds', '60', '--seed', '7'],
  ],
});

/** What the soak has to find by itself, without being told where to look. */
export const SOAKS: readonly Plant[] = [
  {
    name: 'In a soak of SQLite, a logout deletes nothing',
    edits: NO_DELETION,
    trial: soak('sqlite'),
    expects: /accepted after revocation/,
  },
  {
    name: 'In a soak of MariaDB, a fault is answered with 401',
    edits: FAULT_IS_401,
    trial: soak('mariadb'),
    expects: /refused though valid/,
  },
  {
    name: 'In a soak of MariaDB, a verdict is kept for two seconds',
    edits: KEPT_VERDICTS,
    trial: soak('mariadb'),
    expects: /accepted after revocation/,
  },
  {
    name: "In a soak of MariaDB, a limit is counted without the owner's lock",
    edits: NO_LOCK,
    trial: soak('mariadb'),
    expects: /rounds of logins with another number of tokens than the limit/,
  },
  {
    name: 'In a soak of PostgreSQL, a token whose COMMIT was never acknowledged stays',
    edits: [NO_DISOWN],
    trial: soak('postgres', 60),
    expects: /tokens left by logins that failed/,
  },
];
