import { replaceBody, replaceIn } from './edit.ts';
import type { Mutant } from './mutant.ts';

const IN_TRANSACTION = { tests: ['test/service/revoke-in-transaction.test.ts'] };

const DIAGNOSTICS = { tests: ['test/e2e/diagnostics.test.ts'] };
const PRUNING = { tests: ['test/service/prune-interval.test.ts'] };

/** What ends tokens in the application's transaction and in the background, and who hears of it. */
export const REVOCATIONS: readonly Mutant[] = [
  {
    name: 'The event of a revocation is sent before the commit',
    edits: [
      replaceBody(
        'TokenRevoker.#publishOnCommit',
        'this.#events.publish(TokenRevokedEvent, op, ...about);',
      ),
    ],
    check: IN_TRANSACTION,
    killedBy: /and sends the event then|sends no event, where the transaction rolls back/,
  },
  {
    name: "A revocation with a manager commits beside the application's transaction",
    edits: [replaceBody('AppTransactions.transactionOf', 'return undefined;')],
    check: IN_TRANSACTION,
    killedBy: /where the transaction rolls back/,
  },
  {
    name: 'An old snapshot hides later tokens from revokeAll',
    edits: [replaceIn('AppDeletion.ofOwner', /this\.#queryBeside, /, '')],
    check: IN_TRANSACTION,
    killedBy: /never passes over a later token in silence/,
  },
  {
    name: 'A token that the transaction cannot see counts as gone',
    edits: [replaceIn('AppDeletion.each', /if \(missed\.length > 0\)[^;]*;/, '')],
    check: IN_TRANSACTION,
    killedBy: /never passes over a later token in silence/,
  },
  {
    name: "Tokens of the application's transaction are deleted with those between",
    edits: [
      replaceIn(
        'AppDeletion.each',
        /const \{ affected \} = [^;]*;/,
        `const { affected } = await this.#query(this.#sql.deleteByDigests(digests));
         if (affected > 0) return affected;`,
      ),
    ],
    check: IN_TRANSACTION,
    killedBy: /logins of the same and of other users go on|without a deadlock/,
  },
  {
    name: 'A request prunes',
    edits: [
      replaceIn(
        'TokenManager.#authenticate',
        /const verdict = /,
        'await this.prune(); const verdict = ',
      ),
    ],
    check: PRUNING,
    killedBy: /prunes on no request/,
  },
  {
    name: 'All processes prune at once',
    edits: [
      replaceBody('PooledDatabase.transactionAlone', 'return this.transaction(null, op, script);'),
    ],
    check: PRUNING,
    killedBy: /go one after another/,
  },
  {
    name: 'The lock of a prune stays with its connection',
    edits: [replaceBody('mariadbDialect.unlock', 'return null;')],
    check: PRUNING,
    killedBy: /go one after another/,
  },
  {
    name: 'A prune that fails is the last one',
    edits: [replaceIn('TokenPruner.#repeat', /logFailure\(error\);/, '$& return;')],
    check: PRUNING,
    killedBy: /logs a prune that fails, and prunes again/,
  },
  {
    name: 'A prune goes on while the application closes',
    edits: [replaceIn('TokenPruner.#prune', / && !this\.#tasks\.isClosed/, '')],
    check: PRUNING,
    killedBy: /while the application closes, and begins no other/,
  },
  {
    name: 'A channel tells the result of an operation, with the raw token in it',
    edits: [
      replaceIn('traced', /Object\.assign\(message, factsOf\(result\)\);/, '$& return result;'),
    ],
    check: DIAGNOSTICS,
    killedBy: /hold no token, digest, password or user/,
  },
  {
    name: "A channel tells the driver's error, with the digest in it",
    edits: [replaceIn('traced', /throw new OperationError\(message\.code\)/, 'throw failure')],
    check: DIAGNOSTICS,
    killedBy: /hold no token, digest, password or user/,
  },
  {
    name: 'A channel costs a request its promises where nobody listens',
    edits: [replaceIn('TokenManager.authenticate', /!AUTHENTICATE\.hasSubscribers/, 'false')],
    check: DIAGNOSTICS,
    killedBy: /cost nothing where nobody listens/,
  },
];
