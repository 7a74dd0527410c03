import { edit, type Plant } from './mutant.ts';

const EXPIRY = 'lib/tokens/expiry.ts';

/** What is stored, read, compared and told; and where a statement goes. */
export const ROWS: readonly Plant[] = [
  {
    name: 'A token whose expiry is no instant lives for ever',
    edits: [edit(EXPIRY, '!(expiry.getTime() > now)', 'expiry.getTime() <= now')],
    trial: { tests: ['test/tokens/expiry.test.ts', 'test/time/corrupt-rows.test.ts'] },
    expects: /corrupt instant|is expired: 401/,
  },
  {
    name: 'A token is good at its very expiry',
    edits: [edit(EXPIRY, '!(expiry.getTime() > now)', '!(expiry.getTime() >= now)')],
    trial: { tests: ['test/tokens/expiry.test.ts', 'test/service/end-tokens.test.ts'] },
    expects: /isExpired|at its expiry/,
  },
  {
    name: "A driver reads the instants of Django's tables",
    edits: [
      edit(
        'lib/store/lookup/entity.query.ts',
        'instants === EPOCH_MILLISECONDS ? null : instantColumns(metadata)',
        'instantColumns(metadata) && null',
      ),
    ],
    trial: { tests: ['test/django/django-zones.test.ts', 'test/django/django-rows.test.ts'] },
    expects: /lives to its very millisecond|reads /,
  },
  {
    name: 'A raw token is in a log line',
    edits: [
      edit(
        'lib/service/token.authenticator.ts',
        '      throw answerTo(error);',
        '      logFault(`No verdict on ${token}`, error);\n      throw answerTo(error);',
      ),
    ],
    trial: { tests: ['test/secrets/secrets.test.ts'] },
    expects: /no token is printed/,
  },
  {
    name: 'A raw token is in an event',
    edits: [
      edit(
        'lib/service/token.issuer.ts',
        'issued.authToken.user, issued.authToken, client',
        'issued.authToken.user, { ...issued.authToken, ...issued }, client',
      ),
    ],
    trial: { tests: ['test/secrets/secrets.test.ts'] },
    expects: /no token is printed/,
  },
  {
    name: 'MariaDB takes one key for another',
    edits: [
      edit('lib/database/mariadb.dialect.ts', 'comparesLoosely: true', 'comparesLoosely: false'),
    ],
    trial: { tests: ['test/store/collations.test.ts'] },
    expects: /is nobody, and touches none/,
  },
  {
    name: 'A digest is what the database takes for it',
    edits: [
      edit(
        'lib/service/token.authenticator.ts',
        'if (authToken?.digest !== digest)',
        'if (authToken === null)',
      ),
    ],
    trial: { tests: ['test/store/collations.test.ts'] },
    expects: /a digest that is stored .* is another one/,
  },
  {
    name: 'A token is looked up on a replica',
    edits: [
      edit(
        'lib/database/pooled.database.ts',
        "createQueryRunner('master')",
        "createQueryRunner('slave')",
      ),
    ],
    trial: { tests: ['test/topologies/replica.test.ts'] },
    expects: /a new token is accepted at once|nothing about tokens is asked of the replica/,
  },
  {
    name: 'A transaction leaves its timeouts on a connection that others share',
    edits: [
      edit(
        'lib/database/postgres.dialect.ts',
        '`SET LOCAL statement_timeout',
        '`SET statement_timeout',
      ),
    ],
    trial: { tests: ['test/topologies/pgbouncer.test.ts'] },
    expects: /leaves no setting, lock or prepared statement/,
  },
];
