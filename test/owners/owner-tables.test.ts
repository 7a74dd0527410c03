import type { Type } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Column,
  DefaultNamingStrategy,
  Entity,
  JoinColumn,
  ManyToOne,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  type DataSourceOptions,
} from 'typeorm';
import { AbstractAuthToken, AuthToken } from '../../lib/index.ts';
import {
  createDatabase,
  createSchemas,
  DATABASES,
  type TestDatabase,
} from '../support/databases.ts';
import { DeviceToken, Member } from '../support/devices.ts';
import { ERRORS } from '../support/errors.ts';
import { startOwnerApp, type OwnerApp } from '../support/owner-app.ts';
import { User } from '../support/users.ts';
import { createExpired } from '../support/expired-token.ts';

/** Renames even tables and columns with an explicit name, to find SQL in which a name is written by hand. */
class Renaming extends DefaultNamingStrategy {
  override tableName(target: string, name: string | undefined): string {
    return `T ${(name ?? target).toUpperCase()}`;
  }

  override columnName(property: string, name: string | undefined, prefixes: string[]): string {
    return `c-${[...prefixes, name ?? property].join('.')}`;
  }
}

@Entity({ name: 'members', schema: 'people' })
class Person {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ type: 'varchar', length: 50 })
  username!: string;
}

@Entity({ name: 'tokens', schema: 'security' })
class PersonToken extends AbstractAuthToken<Person> {
  @ManyToOne(() => Person, { onDelete: 'CASCADE', nullable: false })
  @JoinColumn({ name: 'user_id' })
  user!: Person;
}

/** An owner whose tokens refer to another column than the primary key. */
@Entity('accounts')
class Account {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ type: 'varchar', length: 20, unique: true })
  publicId!: string;

  @Column({ type: 'varchar', length: 50 })
  username!: string;
}

@Entity('account_tokens')
class AccountToken extends AbstractAuthToken<Account> {
  @ManyToOne(() => Account, { onDelete: 'CASCADE', nullable: false })
  @JoinColumn({ name: 'account', referencedColumnName: 'publicId' })
  user!: Account;
}

@Entity('texts')
class TextOwner {
  @PrimaryColumn({ type: 'varchar', length: 20 })
  id!: string;

  @Column({ type: 'varchar', length: 50 })
  username!: string;
}

@Entity('text_tokens')
class TextToken extends AbstractAuthToken<TextOwner> {
  @ManyToOne(() => TextOwner, { onDelete: 'CASCADE', nullable: false })
  @JoinColumn({ name: 'user_id' })
  user!: TextOwner;
}

describe.each(DATABASES)('owners on %s', (name) => {
  let database: TestDatabase;
  let test: OwnerApp<AbstractAuthToken> | undefined;
  afterEach(async () => {
    await test?.close();
    test = undefined;
    await database.drop();
  });

  async function start<Owner extends object>(
    owner: Type<Owner>,
    tokenEntity: Type<AbstractAuthToken>,
    rows: object[],
    options: Partial<DataSourceOptions> = {},
    schemas: string[] = [],
  ): Promise<Owner[]> {
    database = await createDatabase(name);
    if (schemas.length > 0) await createSchemas(database.options, schemas);
    const dataSource = {
      ...database.options,
      ...options,
      entities: [owner, tokenEntity],
    } as DataSourceOptions;
    test = await startOwnerApp({ dataSource, owner, knox: { tokenEntity, autoRefresh: true } });
    const repository = test.dataSource.getRepository<Owner>(owner);
    return repository.save(repository.create(rows as never));
  }

  /** Sends every statement that the package has. */
  async function goThrough(user: object): Promise<void> {
    const { tokens, client, login } = test!;
    const first = await login('ada');
    const me = await client.get('/owner', { token: first });
    expect(me.body).toEqual({ class: user.constructor.name, ...user });

    await tokens.create(user, { limit: 2 });
    await expect(tokens.create(user, { limit: 2 })).rejects.toMatchObject({
      response: ERRORS.limitExceeded,
    });
    const short = await tokens.create(user, { ttl: '2h' });
    const inAnHour = new Date(Date.now() + 3_600_000);
    await test!.dataSource
      .getRepository(short.authToken.constructor)
      .update(short.authToken.digest, { expiry: inAnHour });
    const { authToken } = await tokens.authenticate(short.token);
    expect(authToken.expiry!.getTime()).toBeGreaterThan(inAnHour.getTime() + 3_000_000);

    expect(await tokens.list(user)).toHaveLength(3);
    await createExpired(tokens, user);
    expect(await tokens.deleteExpired()).toBe(1);
    expect((await client.post('/auth/logout', { token: first })).status).toBe(204);
    expect((await client.get('/owner', { token: first })).body).toEqual(ERRORS.invalidToken);
    expect(await tokens.revokeAll(user)).toBe(2);
  }

  it('whose tables and columns a naming strategy renames log in and out', async () => {
    const [ada] = await start(User, AuthToken, [{ username: 'ada', password: '' }], {
      namingStrategy: new Renaming(),
    });
    ada!.isActive = true;
    await goThrough(ada!);
    const { tableName, columns } = test!.dataSource.getMetadata(AuthToken);
    expect(tableName).toBe('T KNOX_AUTH_TOKEN');
    expect(columns.map(({ databaseName }) => databaseName)).toContain('c-token_key');
  });

  it('whose tables have a prefix log in and out', async () => {
    const [ada] = await start(Member, DeviceToken, [{ username: 'ada' }], {
      entityPrefix: 'app_',
    });
    await goThrough(ada!);
    expect(test!.dataSource.getMetadata(DeviceToken).tableName).toBe('app_device_token');
  });

  it('to whom tokens refer by another column than the primary key log in and out', async () => {
    const [ada] = await start(Account, AccountToken, [{ username: 'ada', publicId: 'acc_7' }]);
    await goThrough(ada!);
    const { authToken } = await test!.tokens.create({ publicId: 'acc_7' });
    expect(authToken.user).toEqual(ada);
    await expect(test!.tokens.create({ id: ada!.id })).rejects.toThrow(
      new TypeError('The user has no key: Account.publicId is not set.'),
    );
  });

  it('with text keys are not confused if a number is given', async () => {
    const [zero, word] = await start(TextOwner, TextToken, [
      { id: '0', username: 'zero' },
      { id: 'word', username: 'word' },
    ]);
    for (const user of [zero!, word!]) await test!.tokens.create(user);
    const given = { id: 0 };
    expect(await test!.tokens.list(given)).toHaveLength(1);
    expect((await test!.tokens.create(given)).authToken.user).toEqual(zero);
    expect(await test!.tokens.revokeAll(given)).toBe(2);
    expect(await test!.tokens.list(word!)).toHaveLength(1);
  });

  if (name === 'postgres') {
    it('in another schema than their tokens log in and out', async () => {
      const schemas = ['people', 'security'];
      const [ada] = await start(Person, PersonToken, [{ username: 'ada' }], {}, schemas);
      await goThrough(ada!);
    });

    it('in the schema that the data source names log in and out', async () => {
      const options = { schema: 'people' } as Partial<DataSourceOptions>;
      const [ada] = await start(Member, DeviceToken, [{ username: 'ada' }], options, ['people']);
      await goThrough(ada!);
    });
  }
});
