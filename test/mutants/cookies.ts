import { replaceBody, replaceIn } from './edit.ts';
import type { Mutant } from './mutant.ts';

const RULES = { tests: ['test/requests/origin.check.test.ts'] };
const ORIGIN = { tests: ['test/cookies/origin.test.ts'] };
const LOGIN = { tests: ['test/cookies/login.test.ts'] };
const LOGOUT = { tests: ['test/cookies/logout.test.ts'] };
const REFRESH = { tests: ['test/cookies/refresh.test.ts'] };
const SOCKETS = { tests: ['test/cookies/sockets.test.ts'] };
const REALMS = { tests: ['test/cookies/realms.test.ts'] };

/** The cookie that holds a token, and the check of where a request comes from that has it. */
export const COOKIES: readonly Mutant[] = [
  {
    name: 'Sec-Fetch-Site is read beside an Origin only',
    edits: [
      replaceIn(
        'passesOriginCheck',
        /site !== undefined/,
        'site !== undefined && origin !== undefined',
      ),
    ],
    check: RULES,
    killedBy: /refuses Sec-Fetch-Site: cross-site without an Origin/,
  },
  {
    name: 'The host is looked for anywhere in the Origin',
    edits: [replaceBody('isOriginOfHost', 'return origin.includes(host);')],
    check: RULES,
    killedBy: /refuses a host that begins as it does|refuses a host that ends as it does/,
  },
  {
    name: 'Origin: null passes',
    edits: [
      replaceIn(
        'passesOriginCheck',
        /origin === undefined \|\|/,
        "origin === undefined || origin === 'null' ||",
      ),
    ],
    check: { tests: [...RULES.tests, ...ORIGIN.tests] },
    killedBy: /refuses Origin: null|refuses a write with Origin: null/,
  },
  {
    name: 'The origin is checked after the lookup',
    edits: [
      replaceIn(
        'RequestAuthenticator.#readCookie',
        /if \(!onlyReads\(request\)\) cookie\.checkOrigin\(request\);/,
        '',
      ),
      replaceBody(
        'RequestAuthenticator.authenticate',
        `const state = this.#stateOf(request, scope);
        return (state.result ??= this.#authenticate(state).then((found) => {
          if (state.isFromCookie && !onlyReads(request)) this.cookie?.checkOrigin(request);
          return found;
        }));`,
      ),
    ],
    check: ORIGIN,
    killedBy: /before the database is asked/,
  },
  {
    name: 'The origin of a login is not checked',
    edits: [
      replaceIn('LoginFlow.chooseTransport', /if \(inCookie\) cookie\.checkOrigin\(request\);/, ''),
    ],
    check: ORIGIN,
    killedBy: /before the credentials are verified/,
  },
  {
    name: 'The cookie is read if the header is bad',
    edits: [
      replaceIn(
        'RequestAuthenticator.#readCookie',
        /if \(authorizationValues\(request\)\.length > 0\) return null;/,
        '',
      ),
      replaceIn(
        'RequestAuthenticator.#readToken',
        /case 'empty':/,
        "case 'empty': if (this.cookie) return this.#readCookie(this.cookie, state);",
      ),
    ],
    check: LOGIN,
    killedBy:
      /an Authorization header with another scheme decides alone|an Authorization header with no token decides alone/,
  },
  {
    name: 'Each 401 has the cookie forgotten',
    edits: [replaceIn('KnoxAuthGuard.canActivate', /if \(clearsCookie\(context\)\)/, '')],
    check: LOGOUT,
    killedBy: /is the only 401 that has the cookie forgotten/,
  },
  {
    name: 'A logout of another site has the cookie forgotten',
    edits: [replaceIn('CookieTransport.clear', /if \(this\.#passes\(request\)\)/, '')],
    check: LOGOUT,
    killedBy: /has nothing forgotten because another site’s page wants it/,
  },
  {
    name: 'Of two cookies, the first counts',
    edits: [replaceIn('parseTokenCookie', /values\.length > 1/, 'false')],
    check: LOGIN,
    killedBy: /two cookies of the name are refused/,
  },
  {
    name: 'The messages of a socket only read, since a GET has opened it',
    edits: [replaceIn('onlyReads', /isSafe && isHttpRequest\(request\)/, 'isSafe')],
    check: SOCKETS,
    killedBy: /opens none of another site, before|opens subscriptions of its own page alone/,
  },
  {
    name: 'A cookie overwrites those of others',
    edits: [replaceIn('setCookie', /\.\.\.others, /, '')],
    check: { tests: [...LOGIN.tests, ...REFRESH.tests] },
    killedBy: /leaves the cookies of others in the answer|stands beside the cookies of others/,
  },
  {
    name: 'A handler may have a cache keep an answer with a cookie',
    edits: [replaceBody('forbidStoring', 'return;')],
    check: REFRESH,
    killedBy: /is kept by no cache/,
  },
  {
    name: 'Of the cookies of two realms, the prefixes of the tokens decide',
    edits: [
      replaceIn(
        'realmOf',
        /if \(readers\.length === 0 && realm\.requests\.isFromCookie\(request, scope\)\) return realm;/,
        '',
      ),
    ],
    check: REALMS,
    killedBy: /take the cookie of the realm that is named first/,
  },
];
