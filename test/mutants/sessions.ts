import { replaceBody, replaceIn, type Edit } from './edit.ts';
import type { Mutant } from './mutant.ts';

const ABILITIES = { tests: ['test/sessions/abilities.test.ts'] };
const DOORS = { tests: ['test/sessions/access-doors.test.ts'] };
const ROUTES = { tests: ['test/sessions/session-routes.test.ts'] };
const POLICY = { tests: ['test/sessions/limit-policy.test.ts'] };
const LAST_USED = { tests: ['test/sessions/last-used.test.ts'] };
const SINGLE_USE = { tests: ['test/sessions/single-use.test.ts'] };
const REAUTHENTICATION = { tests: ['test/sessions/reauthentication.test.ts'] };

export const CONSUME_WITHOUT_VERDICT: readonly Edit[] = [
  replaceIn('TokenManager.consume', /if \((await [^;]+)\) return found;/, '$1; return found;'),
];

export const REAUTHENTICATION_BY_INSERT: readonly Edit[] = [
  replaceBody(
    'TokenStore.replace',
    `const { by, tokenKey, expiry } = replacement;
    const values = { digest: by, tokenKey, expiry: expiry === null ? null : new Date(expiry) };
    await this.#dataSource.manager.save(this.build({ ...token, ...values }));
    await this.delete(token.digest, op);
    return true;`,
  ),
];

/** Sessions, abilities, limits that make room, last uses, reauthentication and single use. */
export const SESSIONS: readonly Mutant[] = [
  {
    name: 'KnoxAuthGuard does not ask for abilities',
    edits: [
      replaceIn('KnoxAuthGuard.canActivate', /checkAccess\(context, found\.authToken\);/, ''),
    ],
    check: ABILITIES,
    killedBy: /a token that may/,
  },
  {
    name: "Passport's strategy takes restricted tokens",
    edits: [
      replaceIn('authenticateByPassport', /abilitiesOf\(found\.authToken\) !== null/, 'false'),
    ],
    check: DOORS,
    killedBy: /lets tokens pass that may/,
  },
  {
    name: 'Abilities are asked of HTTP requests only',
    edits: [
      replaceIn(
        'KnoxAuthGuard.canActivate',
        /checkAccess\(context/,
        "if (context.getType() === 'http') checkAccess(context",
      ),
    ],
    check: DOORS,
    killedBy: /is asked in GraphQL|is asked of each message on a socket/,
  },
  {
    name: 'A restricted token may make a token that may do more',
    edits: [
      replaceIn('tokenOptions', /abilities \?\? null, within/, 'abilities ?? null, undefined'),
    ],
    check: ABILITIES,
    killedBy: /are refused beyond the other’s|must be given, if the other is restricted/,
  },
  {
    name: 'A session is found by its id among the sessions of all users',
    edits: [
      replaceIn(
        'EntityQuery.list',
        /query\.andWhere\(this\.#hasPublicId/,
        "query.where('SUBSTR(token.digest, 1, 32) = :publicId'",
      ),
    ],
    check: ROUTES,
    killedBy: /say nothing of what is not the user’s to/,
  },
  {
    name: 'A 404 says which session there is none of',
    edits: [
      replaceIn(
        'KnoxSessionsController.end',
        /throw new UnknownSessionException\(\)/,
        'throw Object.assign(new UnknownSessionException(), { getResponse: () => ({ id }) })',
      ),
    ],
    check: ROUTES,
    killedBy: /say nothing of what is not the user’s to/,
  },
  {
    name: 'A login makes room in a transaction before the one that inserts',
    edits: [replaceIn('countAndInsert', /if \(count < excess\)/, 'if (gone.deleted > 0)')],
    check: POLICY,
    killedBy: /revokes nothing if its own token cannot be inserted/,
  },
  {
    name: 'A login makes room without counting again',
    edits: [
      replaceIn('countAndInsert', /Math\.min\(excess, sql\.batchSize\)/, 'Math.min(excess, 1)'),
      replaceIn('countAndInsert', /if \(count < excess\) return [^;]+;/, ''),
    ],
    check: POLICY,
    killedBy: /revokes as many as a lower limit asks/,
  },
  {
    name: 'A last use saves the token, so that a revoked one is back',
    edits: [
      replaceIn('LastUsedWriter.note', /at: now,/, 'at: now, row: authToken,'),
      replaceBody(
        'TokenStore.touch',
        `return (async () => {
          for (const use of uses) {
            const row = Object.assign((use as any).row, { lastUsed: new Date(use.at) });
            await this.#dataSource.manager.save(row);
          }
        })();`,
      ),
    ],
    check: LAST_USED,
    killedBy: /brings no token back that was revoked meanwhile/,
  },
  {
    name: 'consume looks the token up, and deletes it afterwards',
    edits: CONSUME_WITHOUT_VERDICT,
    check: SINGLE_USE,
    killedBy: /of many at once gives it to one/,
  },
  {
    name: 'A reauthentication inserts a token, and deletes the old one afterwards',
    edits: REAUTHENTICATION_BY_INSERT,
    check: REAUTHENTICATION,
    killedBy: /of two at once lets one win/,
  },
  {
    name: 'A logout that comes after a reauthentication of its token is a 204',
    edits: [
      replaceIn('TokenManager.logOut', /if \(!isRevoked && [^)]+\)\)/, 'if (Date.now() < 0)'),
    ],
    check: REAUTHENTICATION,
    killedBy: /beside a logout of the same token/,
  },
];
