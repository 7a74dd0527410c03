import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Column, DataSource, Entity, PrimaryColumn } from 'typeorm';
import { djangoAuthToken, DjangoUser } from '../../lib/django/index.ts';
import { KnoxConfigError } from '../../lib/index.ts';
import { DATABASES, type DatabaseName, type TestDatabase } from '../support/databases.ts';
import { createDjangoDatabase, startDjangoApp, type DjangoAppOptions } from '../support/django.ts';

const MIGRATE =
  'run `python manage.py migrate knox` with django-rest-knox 5, up to 0009_extend_authtoken_field.';

/** An owner with a column that Django's user table does not have. */
@Entity({ name: 'auth_user', synchronize: false })
class NamedUser extends DjangoUser {
  @Column({ name: 'nickname', type: 'varchar' })
  nickname!: string;
}

@Entity({ name: 'members', synchronize: false })
class Member extends DjangoUser {}

@Entity({ name: 'knox_authtoken', synchronize: false })
class DefaultedToken extends djangoAuthToken(() => DjangoUser) {
  @Column({ type: 'varchar', default: '' })
  name!: string;
}

@Entity({ name: 'auth_user', synchronize: false })
class UuidUser {
  @PrimaryColumn({ type: 'uuid' })
  id!: string;
}

/** Adds a column as Django's migrations do: with a default for the rows, which is then removed. */
const REQUIRED_COLUMN: Record<DatabaseName, string[]> = {
  postgres: [
    "ALTER TABLE knox_authtoken ADD COLUMN name varchar(64) NOT NULL DEFAULT ''",
    'ALTER TABLE knox_authtoken ALTER name DROP DEFAULT',
  ],
  mariadb: [
    "ALTER TABLE knox_authtoken ADD COLUMN name varchar(64) NOT NULL DEFAULT ''",
    'ALTER TABLE knox_authtoken ALTER name DROP DEFAULT',
  ],
  // SQLite cannot remove a default.
  sqlite: [
    'CREATE TABLE made AS SELECT * FROM knox_authtoken',
    'DROP TABLE knox_authtoken',
    `CREATE TABLE knox_authtoken (digest varchar(128) NOT NULL PRIMARY KEY, created datetime NOT NULL,
      user_id integer NOT NULL REFERENCES auth_user (id), expiry datetime NULL,
      token_key varchar(25) NOT NULL, name varchar(64) NOT NULL)`,
  ],
};

const owned = (owner: new () => object): DjangoAppOptions => ({
  owner,
  knox: { tokenEntity: djangoAuthToken(() => owner) },
});

interface Case {
  readonly what: string;
  /** The changes of Django's tables. Null: not possible on this database. */
  readonly sql?: (name: DatabaseName) => string[] | null;
  readonly options?: DjangoAppOptions;
  readonly says: (name: DatabaseName) => string;
}

const CASES: Case[] = [
  {
    what: 'no token table',
    sql: () => ['DROP TABLE knox_authtoken'],
    says: () => `the database has no table knox_authtoken; ${MIGRATE}`,
  },
  {
    what: 'a column of knox 1, expires',
    sql: () => ['ALTER TABLE knox_authtoken RENAME COLUMN expiry TO expires'],
    says: () => `the table knox_authtoken has no column expiry; ${MIGRATE}`,
  },
  {
    what: 'no token_key',
    sql: () => ['ALTER TABLE knox_authtoken RENAME COLUMN token_key TO no_key'],
    says: () => `the table knox_authtoken has no column token_key; ${MIGRATE}`,
  },
  {
    what: 'a salt',
    sql: () => ["ALTER TABLE knox_authtoken ADD COLUMN salt varchar(16) NOT NULL DEFAULT ''"],
    says: () =>
      `the table knox_authtoken has a column salt, as knox had it before version 5; ${MIGRATE}`,
  },
  {
    what: 'a token_key of 8 characters',
    sql: (name) =>
      ({
        postgres: [
          'ALTER TABLE knox_authtoken ALTER token_key TYPE varchar(8) USING left(token_key, 8)',
        ],
        mariadb: [
          'UPDATE knox_authtoken SET token_key = left(token_key, 8)',
          'ALTER TABLE knox_authtoken MODIFY token_key varchar(8) NOT NULL',
        ],
        sqlite: [
          'DROP INDEX knox_authtoken_token_key_8f4f7d47',
          'ALTER TABLE knox_authtoken DROP COLUMN token_key',
          'ALTER TABLE knox_authtoken ADD COLUMN token_key varchar(8)',
        ],
      })[name],
    says: () => `the column knox_authtoken.token_key is only 8 wide; ${MIGRATE}`,
  },
  {
    what: 'instants of another type',
    sql: (name) =>
      ({
        postgres: ['ALTER TABLE knox_authtoken ALTER expiry TYPE timestamp'],
        mariadb: ['ALTER TABLE knox_authtoken MODIFY expiry datetime'],
        sqlite: [
          'ALTER TABLE knox_authtoken DROP COLUMN expiry',
          'ALTER TABLE knox_authtoken ADD COLUMN expiry bigint',
        ],
      })[name],
    says: (name) => {
      const [type, expected] = {
        postgres: ['timestamp without time zone', 'timestamp with time zone'],
        mariadb: ['datetime', 'datetime(6)'],
        sqlite: ['bigint', 'datetime'],
      }[name];
      return `the column knox_authtoken.expiry is of type ${type!}, and not ${expected!}; ${MIGRATE}`;
    },
  },
  {
    what: 'a user of another shape',
    options: owned(NamedUser),
    says: () =>
      'the table auth_user has no column nickname, which its owner NamedUser maps; write an entity ' +
      'with the columns that are there, and give it to djangoAuthToken(() => …).',
  },
  {
    what: 'another user table',
    options: owned(Member),
    says: () =>
      'the database has no table members, where its owner Member is to be; name the table of ' +
      "Django's AUTH_USER_MODEL in @Entity({ name: …, synchronize: false }).",
  },
  {
    what: 'a column that takes no NULL, which the entity does not map',
    sql: (name) => REQUIRED_COLUMN[name],
    says: () =>
      'the column knox_authtoken.name takes no NULL and has no default in the database, and the entity ' +
      'does not map it: no token could be made. Map it in a class that extends djangoAuthToken(…), and ' +
      'give its value to TokenService.create, which createToken of the controller calls.',
  },
  {
    what: 'a default that the database does not have',
    sql: (name) => REQUIRED_COLUMN[name],
    options: { knox: { tokenEntity: DefaultedToken } },
    says: () =>
      "the column knox_authtoken.name has no default in the database, which its entity's " +
      '@Column({ default: … }) leaves it to; remove that, and give the value when a token is made.',
  },
  {
    what: 'a user whose key is of another kind',
    options: owned(UuidUser),
    says: (name) => {
      const [type, mapped] = {
        postgres: ['integer', 'uuid'],
        mariadb: ['int(11)', 'uuid'],
        sqlite: ['integer', 'varchar'],
      }[name] as [string, string];
      return (
        `the key auth_user.id is of type ${type}, which its owner UuidUser maps as ${mapped}; write an ` +
        'entity with a key of that type, and give it to djangoAuthToken(() => …).'
      );
    },
  },
];

async function startError(
  database: TestDatabase,
  options: DjangoAppOptions | undefined,
): Promise<unknown> {
  return startDjangoApp(database, options).then(
    async (test) => {
      await test.close();
      return 'it started';
    },
    (error: unknown) => error,
  );
}

describe.each(DATABASES)('an app does not start on %s', (name) => {
  it.each(CASES)('on $what', async ({ sql = () => [], options, says }) => {
    const database = await createDjangoDatabase(name);
    const dataSource = await new DataSource(database.options).initialize();
    for (const statement of sql(name) ?? []) await dataSource.query(statement);
    await dataSource.destroy();
    const error = await startError(database, options);
    expect(error).toBeInstanceOf(KnoxConfigError);
    expect((error as Error).message).toBe(`KnoxModule option "tokenEntity": ${says(name)}`);
    await database.drop();
  });
});

describe.each(DATABASES)('an app starts on %s', (name) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createDjangoDatabase(name);
  });
  afterAll(() => database.drop());

  it('with columns and tables beside those it knows', async () => {
    const dataSource = await new DataSource(database.options).initialize();
    await dataSource.query('ALTER TABLE auth_user ADD COLUMN phone varchar(20)');
    await dataSource.query('ALTER TABLE knox_authtoken ADD COLUMN device varchar(20)');
    await dataSource.destroy();
    const test = await startDjangoApp(database);
    const token = await test.login('john.doe');
    expect((await test.client.get('/me', { token })).status).toBe(200);
    await test.close();
  });
});
