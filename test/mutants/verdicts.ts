import { replaceBody, replaceIn } from './edit.ts';
import type { Mutant } from './mutant.ts';

const SOCKETS = {
  tests: ['test/contexts/socket-operations.test.ts', 'test/contexts/graphql-subscription.test.ts'],
};
const COMBINED = { tests: ['test/e2e/combined-guards.test.ts'] };
const TOKEN_JSON = { tests: ['test/entities/token-json.test.ts'] };

/** What a handler is told of the user and token, and what an answer shows of them. */
export const VERDICTS: readonly Mutant[] = [
  {
    name: 'The JSON of a token shows its digest',
    edits: [replaceIn('shownProperties', /name !== 'digest'/, 'true')],
    check: TOKEN_JSON,
    killedBy: /has its columns but the digest|of a new one has no digest/,
  },
  {
    name: 'class-transformer shows the owner of a token',
    edits: [replaceIn('hiddenProperties', /, \.\.\.relations[^\]]*/, '')],
    check: TOKEN_JSON,
    killedBy: /has its columns but the digest|of a new one has no digest/,
  },
  {
    name: 'An option that every object inherits counts',
    edits: [replaceBody('givenOptions', 'return options;')],
    check: { tests: ['test/options/given-options.test.ts'] },
    killedBy: /are none of/,
  },
  {
    name: 'A token may be made that has expired',
    edits: [replaceIn('ownTtlOf', /, 1\)/, ')')],
    check: { tests: ['test/service/create-refusals.test.ts'] },
    killedBy: /a ttl of zero|a negative ttl/,
  },
  {
    name: 'A message shows any text that was given as a duration',
    edits: [replaceIn('describeDuration', / \|\| !MEANT_AS_DURATION\.test\(value\)/, '')],
    check: { tests: ['test/options/resolve-options.test.ts'] },
    killedBy: /shows no text of a duration/,
  },
  {
    name: "Passport's verdict on a socket lasts as long as the socket",
    edits: [replaceIn('authenticateByPassport', /isHttpRequest\(request\)/, 'true')],
    check: SOCKETS,
    killedBy: /through AuthGuard|whoever was found before/,
  },
  {
    name: 'Passport leaves the user on the request that opened a socket',
    edits: [replaceIn('authenticateByPassport', /keepOff\(request, found\)/, 'void 0')],
    check: SOCKETS,
    killedBy: /is checked anew, and leaves nothing|whoever was found before/,
  },
  {
    name: 'Passport leaves the user under another name on the request that opened a socket',
    edits: [replaceIn('keepOff', /Object\.setPrototypeOf[^;]*;/, '')],
    check: { tests: ['test/contexts/socket-operations.test.ts'] },
    killedBy: /leaves nothing under the names that the application has/,
  },
  {
    name: 'The user of a message is kept with the socket',
    edits: [
      replaceIn(
        'operationOf',
        /return context\.getArgs<unknown\[\]>\(\)\.find\(isSocketMessage\)/,
        'return context.switchToWs().getClient<object>()',
      ),
    ],
    check: SOCKETS,
    killedBy: /later ones without a guard have none/,
  },
  {
    name: 'A decorator believes a user whom other code has put on the request',
    edits: [
      replaceIn('operationOf', /return undefined;/, 'return context.switchToHttp().getRequest();'),
      replaceIn('standInOf', /isNamed \?/, 'true ?'),
      replaceIn('standInOf', /if \(context\.getType\(\) !== 'http'\) return undefined;/, ''),
    ],
    check: { tests: ['test/e2e/guard-trust.test.ts', 'test/contexts/other-contexts.test.ts'] },
    killedBy: /gives no user and no token that a message|are nobody to a handler/,
  },
  {
    name: 'A guard that refuses clears the user of another guard',
    edits: [replaceIn('leaveAnonymous', /if \(request\) Object\.assign\(request, before\);/, '')],
    check: COMBINED,
    killedBy: /keep the user of the one/,
  },
  {
    name: 'A challenge is sent with any status',
    edits: [replaceIn('setChallengeOfStatus', /sent !== challenges[^)]*\)\?\.status/, 'false')],
    check: COMBINED,
    killedBy: /keep the user of the one/,
  },
  {
    name: 'A challenge stays on the answer of a GraphQL operation that another guard lets pass',
    edits: [replaceBody('KnoxAuthGuard.isRefusalFinal', 'return true;')],
    check: { tests: ['test/contexts/graphql.test.ts'] },
    killedBy: /has no challenge if another guard/,
  },
  {
    name: 'A guard that another one asks is passed over on a public handler',
    edits: [replaceIn('PublicRoutes.isPublic', /return earlierCalls[^;]*;/, 'return true;')],
    check: COMBINED,
    killedBy: /are asked on a handler of a public class/,
  },
  {
    name: 'A guard made with new is not seen on its handler',
    edits: [replaceIn('PublicRoutes.#names', /classOfGuard\(named\)/, 'named as unknown')],
    check: COMBINED,
    killedBy: /if it is an instance/,
  },
  {
    name: 'A login refuses a user object that any token has brought',
    edits: [
      replaceBody(
        'TokenAuthenticator.cameFromToken',
        'return this.#origins.get(user) !== undefined;',
      ),
    ],
    check: { tests: ['test/e2e/login-guards.test.ts'] },
    killedBy: /may find the very object/,
  },
];
