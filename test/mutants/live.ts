import { replaceBody, replaceIn } from './edit.ts';
import type { Mutant } from './mutant.ts';

const OUTAGE = { tests: ['test/faults/live.test.ts'] };
const LEAKS = { tests: ['test/live/live-leaks.test.ts'] };
const WATCH = { tests: ['test/live/live-tokens.test.ts'] };
const PROCESSES = { tests: ['test/live/live-processes.test.ts'] };
const SOCKETS = { tests: ['test/live/live-sockets.test.ts'] };

/** What keeps connections open longer than their tokens, or ends those of good ones. */
export const LIVE: readonly Mutant[] = [
  {
    name: 'A connection whose token is not known to be good stays for ever',
    edits: [replaceBody('TokenPoller.#closeSilent', '() => undefined')],
    check: OUTAGE,
    killedBy: /it ends after failAfter/,
  },
  {
    name: 'A fault counts as the answer that a token is good',
    edits: [
      replaceIn(
        'TokenPoller.#apply',
        /token\.fault = verdict\.fault;/,
        'token.goodAt = sentAt; token.fault = verdict.fault;',
      ),
    ],
    check: OUTAGE,
    killedBy: /it ends after failAfter/,
  },
  {
    name: 'A fault ends a connection at once',
    edits: [
      replaceIn(
        'TokenPoller.#apply',
        /token\.fault = verdict\.fault;/,
        "this.#end(token, new KnoxUnauthorizedException('invalid_token'));",
      ),
    ],
    check: OUTAGE,
    killedBy: /it ends after failAfter|goes on if the database answers again/,
  },
  {
    name: 'A watch that is released leaves the timer of its expiry',
    edits: [replaceIn('TokenPoller.#remove', /clearTimeout\(token\.expiryTimer\);/, '')],
    check: LEAKS,
    killedBy: /keeps no timer, listener or token/,
  },
  {
    name: 'The last watch that is released leaves the timer of the questions',
    edits: [replaceIn('TokenPoller.#remove', /clearTimeout\(this\.#timer\);/, '')],
    check: LEAKS,
    killedBy: /keeps no timer, listener or token/,
  },
  {
    name: 'A timer keeps the async context of the request that watches',
    edits: [
      replaceIn(
        'LiveTokens.watch',
        /this\.#context\.runInAsyncScope\(\(\) => (poller\.watch\(digest, authToken\.expiry\))\)/,
        '$1',
      ),
    ],
    check: LEAKS,
    killedBy: /lets go of the async context/,
  },
  {
    name: 'A token that has expired by the clock is ended without asking again',
    edits: [
      replaceIn(
        'TokenPoller.#setExpiryTimer',
        /this\.#expired\.add\(token\);/,
        "this.#end(token, new KnoxUnauthorizedException('invalid_token'));",
      ),
    ],
    check: PROCESSES,
    killedBy: /goes on past its old expiry/,
  },
  {
    name: 'Every second round of questions is empty',
    edits: [replaceIn('TokenPoller.#nextBatch', /this\.#round = undefined;/, '{ $& break; }')],
    check: WATCH,
    killedBy: /asks for all tokens in one statement/,
  },
  {
    name: 'A question after others were watched asks only for these',
    edits: [
      replaceIn(
        'TokenPoller.#nextBatch',
        /this\.#round = undefined;/,
        '{ $& if (batch.length > 0) break; }',
      ),
    ],
    check: WATCH,
    killedBy: /in each interval, however many/,
  },
  {
    name: 'A connection ends before the transaction that revokes its token commits',
    edits: [
      replaceIn(
        'TokenStore.#tellDeleted',
        /this\.transactions\.onCommit\(transaction, \(\) => \{(.*)\}\);/,
        '$1',
      ),
    ],
    check: WATCH,
    killedBy: /the commit of a transaction that revokes/,
  },
  {
    name: 'A client of ws that does not answer the close frame stays connected',
    edits: [replaceIn('ofWs', /socket\.terminate\(\);/, '')],
    check: SOCKETS,
    killedBy: /handles no message of a client that does not answer/,
  },
  {
    name: 'A client of ws that does not answer the close frame is still listened to',
    edits: [replaceIn('ofWs', /socket\.removeAllListeners\('message'\);/, '')],
    check: SOCKETS,
    killedBy: /handles no message of a client that does not answer/,
  },
];
