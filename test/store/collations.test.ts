import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Column, Entity, JoinColumn, ManyToOne, PrimaryColumn, DataSource } from 'typeorm';
import { AbstractAuthToken } from '../../lib/index.ts';
import {
  createDatabase,
  DATABASES,
  type DatabaseName,
  type TestDatabase,
} from '../support/databases.ts';
import { ERRORS } from '../support/errors.ts';
import { startOwnerApp, type OwnerApp } from '../support/owner-app.ts';
import { createExpired } from '../support/expired-token.ts';

@Entity('people')
class Person {
  @PrimaryColumn({ type: 'varchar', length: 40 })
  key!: string;

  @Column({ type: 'varchar', length: 40 })
  username!: string;
}

@Entity('person_token')
class PersonToken extends AbstractAuthToken<Person> {
  @ManyToOne(() => Person, { onDelete: 'CASCADE', nullable: false })
  @JoinColumn({ name: 'person_key' })
  user!: Person;
}

async function setCollation({ options }: TestDatabase, collation: string): Promise<void> {
  const dataSource = await new DataSource(options).initialize();
  await dataSource.query(`ALTER DATABASE ${String(options.database)} COLLATE ${collation}`);
  await dataSource.destroy();
}

/** Default collations of MariaDB databases. */
const COLLATIONS = ['latin1_swedish_ci', 'utf8mb3_general_ci', 'utf8mb4_general_ci', 'utf8mb4_bin'];

const STAGES: [DatabaseName, collation: string][] = DATABASES.flatMap((name) =>
  (name === 'mariadb' ? COLLATIONS : ['default']).map((collation): [DatabaseName, string] => [
    name,
    collation,
  ]),
);

const KEY = 'straße Ada';

/** Texts that a loose comparison takes for the key: they differ in case, accent, ligature, trailing space. */
const LOOKALIKES = ['straße ada', 'straße Ada ', 'straße Ädá', 'strasse Ada', 'STRASSE ADA'];

describe.each(STAGES)('on %s with its %s collation', (name, collation) => {
  let database: TestDatabase;
  let test: OwnerApp<PersonToken>;
  let dataSource: DataSource;
  let ada: Person;
  beforeAll(async () => {
    database = await createDatabase(name);
    if (collation !== 'default') await setCollation(database, collation);
    const options = { ...database.options, entities: [Person, PersonToken] };
    // A short digest, so that its column has room for a space after it.
    const knox = { tokenEntity: PersonToken, hashAlgorithm: 'sha256' as const };
    test = await startOwnerApp<PersonToken>({ dataSource: options, owner: Person, knox });
    ({ dataSource } = test);
    const people = dataSource.getRepository(Person);
    ada = await people.save(people.create({ key: KEY, username: 'ada' }));
  });
  afterAll(async () => {
    await test.close();
    await database.drop();
  });
  afterEach(() => dataSource.query('DELETE FROM person_token'));

  const rows = () => dataSource.getRepository(PersonToken).count();
  const lookalikes = LOOKALIKES.map((key) => Object.assign(new Person(), { key }));

  it('schema and entities agree', async () => {
    const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
    expect(upQueries).toEqual([]);
  });

  it('a token works for its owner, and is counted, listed and revoked', async () => {
    const { token, authToken } = await test.tokens.create(ada, { limit: 1 });
    expect((await test.tokens.authenticate(token)).user).toEqual(ada);
    await expect(test.tokens.create(ada, { limit: 1 })).rejects.toMatchObject({
      response: ERRORS.limitExceeded,
    });
    expect(await test.tokens.list(ada)).toEqual([authToken]);
    expect(await test.tokens.revokeAll(ada)).toBe(1);
  });

  it.each(lookalikes)('$key is nobody, and touches none of another’s tokens', async (person) => {
    await test.tokens.create(ada);
    await createExpired(test.tokens, ada);
    await expect(test.tokens.create(person, { limit: 5 })).rejects.toMatchObject({ status: 401 });
    expect(await test.tokens.list(person)).toEqual([]);
    expect(await test.tokens.revokeAll(person)).toBe(0);
    expect(await rows()).toBe(2);
  });

  it.each([
    ['in capitals', 'UPPER(digest)'],
    ['with a space after it', "CONCAT(digest, ' ')"],
  ])('a digest that is stored %s is another one', async (_, expression) => {
    const { token, authToken } = await test.tokens.create(ada);
    await dataSource.query(`UPDATE person_token SET digest = ${expression}`);
    // A subscriber with afterLoad makes the lookup go through TypeORM.
    for (const subscribers of [[{ afterLoad: () => {} }], []]) {
      dataSource.subscribers.splice(0, Infinity, ...subscribers);
      await expect(test.tokens.authenticate(token)).rejects.toMatchObject({
        response: ERRORS.invalidToken,
      });
    }
    expect(await test.tokens.revoke(token)).toBe(false);
    expect(await test.tokens.revoke(authToken)).toBe(false);
    expect(await rows()).toBe(1);
  });
});
