import { replaceBody, replaceIn } from './edit.ts';
import type { Mutant } from './mutant.ts';

const HTTP = { tests: ['test/realms/http.test.ts'] };
const GRAPHQL = { tests: ['test/realms/graphql.test.ts'] };
const LOGINS = { tests: ['test/realms/logins.test.ts'] };
const PASSPORT = { tests: ['test/realms/passport.test.ts'] };
const START = { tests: ['test/realms/start.test.ts'] };

/** What two realms of one application do to each other. */
export const REALMS: readonly Mutant[] = [
  {
    name: 'A request has one result for all realms',
    edits: [
      replaceBody(
        'RequestAuthenticator.#states',
        '((globalThis as any).knoxStates ??= privateSlot<RequestState>())',
      ),
    ],
    check: { tests: [...PASSPORT.tests, ...GRAPHQL.tests] },
    killedBy: /a request two results|the user of its own realm/,
  },
  {
    name: 'All realms share one batch of lookups',
    edits: [
      replaceIn(
        'openStore',
        /const lookups = (new LookupBatcher<Token>\(database, query, realm\));/,
        'const lookups = ((dataSource as any).lookups ??= $1);',
      ),
    ],
    check: HTTP,
    killedBy: /to their own users|takes tokens of the staff alone/,
  },
  {
    name: 'The strategy of each realm asks the realm that was added first',
    edits: [
      replaceIn(
        'authenticateByPassport',
        /await requests\.authenticate/,
        'await realms.all[0]!.requests.authenticate',
      ),
    ],
    check: PASSPORT,
    killedBy: /ask their own realm|leave a token to the strategy of its realm/,
  },
  {
    name: 'A guard asks the default realm, whatever @Realm() names',
    edits: [replaceIn('realmNamesOf', /const target of targets/, 'const target of []')],
    check: HTTP,
    killedBy: /takes tokens of the staff alone/,
  },
  {
    name: 'A route of two realms asks the first that it names',
    edits: [replaceBody('realmOf', 'return asked[0];')],
    check: HTTP,
    killedBy: /takes either token, with one lookup/,
  },
  {
    name: 'A login asks its own realm alone whether a token has brought the user',
    edits: [replaceIn('LoginFlow.#cameFromToken', /this\.#realms\.all/, '[this]')],
    check: LOGINS,
    killedBy: /refuses a user whom/,
  },
  {
    name: 'The fields of a GraphQL operation share the user of the realm that was asked last',
    edits: [replaceBody('slotAt', 'return contexts;')],
    check: GRAPHQL,
    killedBy: /the user of its own realm/,
  },
  {
    name: "Passport's strategies of two realms share what they leave on a request",
    edits: [replaceBody('passportContextOf', 'return contexts.get(graphqlHttpRequest(context)!);')],
    check: GRAPHQL,
    killedBy: /keep apart what Passport finds/,
  },
  {
    name: 'A user of one realm passes for one of another whose class it extends',
    edits: [replaceIn('OwnerSchema.#isOtherEntity', /child\?\.tablePath !== tablePath/, '!child')],
    check: START,
    killedBy: /are nobody there/,
  },
  {
    name: 'The class TokenService stands for each realm',
    edits: [replaceIn('serviceProviders', /realm !== DEFAULT_REALM/, 'false')],
    check: START,
    killedBy: /have a service each|on two data sources/,
  },
];
