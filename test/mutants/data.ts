import { replaceBody, replaceIn } from './edit.ts';
import type { Mutant } from './mutant.ts';

const COLLATIONS = { tests: ['test/store/collations.test.ts'] };
const SECRETS = { tests: ['test/secrets/secrets.test.ts'] };

/** What is stored, read, compared and printed; and where a statement goes. */
export const DATA: readonly Mutant[] = [
  {
    name: 'A token whose expiry is no instant lives for ever',
    edits: [replaceBody('isExpired', 'return expiry !== null && expiry.getTime() <= now;')],
    check: { tests: ['test/tokens/expiry.test.ts', 'test/time/corrupt-rows.test.ts'] },
    killedBy: /corrupt instant|is expired: 401/,
  },
  {
    name: 'A token is valid when `now` equals its expiry',
    edits: [replaceIn('isExpired', /> now/, '>= now')],
    check: { tests: ['test/tokens/expiry.test.ts', 'test/service/end-tokens.test.ts'] },
    killedBy: /isExpired|at its expiry/,
  },
  {
    name: "A driver reads the instants of Django's tables",
    edits: [
      replaceIn('EntityReader.ofTokens', /schema\.isInstant\(column\)/, 'false'),
      replaceIn('EntityQuery.constructor', /instants === EPOCH_MILLISECONDS/, 'true'),
    ],
    check: { tests: ['test/django/django-zones.test.ts', 'test/django/django-rows.test.ts'] },
    killedBy: /lives to its very millisecond|reads /,
  },
  {
    name: "A token of Django's is deleted because Django is not set to UTC",
    edits: [replaceIn('TokenSql.#isSurelyExpired', /instants\.hasZone/, 'true')],
    check: { tests: ['test/django/django-local-time.test.ts'] },
    killedBy: /never deletes it|does not delete it/,
  },
  {
    name: 'The expired token of a soft-deleted user is deleted whatever the zone',
    edits: [replaceIn('TokenSql.expiredDigest', / AND \$\{this\.#isSurelyExpired\(now\)\}/, '')],
    check: { tests: ['test/django/django-local-time.test.ts'] },
    killedBy: /of a user that is soft-deleted/,
  },
  {
    name: "TypeORM synchronizes a table of Django's while the start is refused",
    edits: [replaceIn('isLeftAlone', /table\.synchronize = false;/, '')],
    check: { tests: ['test/django/django-entity.check.test.ts'] },
    killedBy: /is refused, and no row is touched/,
  },
  {
    name: 'A raw token is in a log line',
    edits: [
      replaceIn(
        'TokenAuthenticator.authenticate',
        /await this\.#find\(digest, op\)/,
        `$&.catch((error: unknown) => {
          logFault('No verdict on ' + token, error);
          throw error;
        })`,
      ),
    ],
    check: SECRETS,
    killedBy: /no token is printed/,
  },
  {
    name: 'A raw token is in an event',
    edits: [
      replaceIn('TokenIssuer.issue', /(?<=authToken\.user, )authToken/, '{ ...authToken, token }'),
    ],
    check: SECRETS,
    killedBy: /no token is printed/,
  },
  {
    name: 'MariaDB takes one key for another',
    edits: [replaceBody('mariadbDialect.textEquals', 'return sql`${column} = ${value}`;')],
    check: COLLATIONS,
    killedBy: /is nobody, and touches none/,
  },
  {
    name: 'A digest is compared by the database only',
    edits: [
      replaceIn(
        'TokenAuthenticator.authenticate',
        /authToken\?\.digest !== digest/,
        'authToken === null',
      ),
      replaceIn(
        'LookupBatcher.#answer',
        /found\.get\(group\.digest\)/,
        '(some.length === 1 ? [...found.values()][0] : $&)',
      ),
    ],
    check: COLLATIONS,
    killedBy: /a digest that is stored .* is another one/,
  },
  {
    name: 'A token is looked up on a replica',
    edits: [replaceIn('primaryOptions', /replication\.master/, '(replication as any).slaves[0]')],
    check: { tests: ['test/topologies/replica.test.ts'] },
    killedBy: /a new token is accepted at once|nothing about tokens is asked of the replica/,
  },
  {
    name: 'A transaction leaves its timeouts on a connection that others share',
    edits: [replaceIn('POSTGRES.begin', /SET LOCAL (?=statement_timeout)/, 'SET ')],
    check: { tests: ['test/topologies/pgbouncer.test.ts'] },
    killedBy: /leaves no setting, lock or prepared statement/,
  },
];
