import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Column, DataSource, Entity, PrimaryColumn } from 'typeorm';
import { djangoAuthToken, DjangoUser } from '../../lib/django/index.ts';
import { DATABASES, type TestDatabase } from '../support/databases.ts';
import { createDjangoDatabase, startDjangoApp, tokenOf } from '../support/django.ts';

/** A user model of the application, with other property names than the table's columns. */
@Entity({ name: 'accounts_user', synchronize: false })
class Account {
  @PrimaryColumn({ name: 'id', type: 'int' })
  number!: number;

  @Column({ name: 'username', type: 'varchar' })
  username!: string;

  @Column({ name: 'password', type: 'varchar', select: false })
  password!: string;

  @Column({ name: 'is_active', type: 'boolean' })
  isActive!: boolean;
}

const AccountToken = djangoAuthToken(() => Account, 'devices_token');

/** A token model with an additional column, which the database fills in. */
@Entity({ name: 'knox_authtoken', synchronize: false })
class DeviceToken extends djangoAuthToken(() => DjangoUser) {
  @Column({ type: 'varchar', default: 'web' })
  platform!: string;

  @Column({ type: 'varchar', nullable: true })
  device!: string | null;
}

describe.each(DATABASES)('on %s', (name) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createDjangoDatabase(name);
  });
  afterAll(() => database.drop());

  const run = async (statements: string[]) => {
    const dataSource = await new DataSource(database.options).initialize();
    for (const statement of statements) await dataSource.query(statement);
    await dataSource.destroy();
  };

  it('a token entity with additional columns is stored as Django would', async () => {
    await run([
      "ALTER TABLE knox_authtoken ADD COLUMN platform varchar(20) NOT NULL DEFAULT 'web'",
      'ALTER TABLE knox_authtoken ADD COLUMN device varchar(20)',
    ]);
    const test = await startDjangoApp<InstanceType<typeof DeviceToken>>(database, {
      knox: { tokenEntity: DeviceToken },
    });
    const john = await test.user('john.doe');
    const { token, authToken } = await test.tokens.create(john, {
      ttl: 4_321,
      columns: { device: 'phone' },
    });
    expect(authToken).toMatchObject({ platform: 'web', device: 'phone', user: john });
    expect(authToken.expiry!.getTime() - authToken.created.getTime()).toBe(4_321);
    const row = (await test.rows()).find(({ digest }) => digest === authToken.digest)!;
    const written = new Date(`${row.created.replace(' ', 'T')}Z`);
    expect(written).toEqual(authToken.created);
    expect((await test.tokens.authenticate(token)).authToken.device).toBe('phone');
    await test.close();
  });

  it('an owner and a table of other names take Django’s tokens', async () => {
    await run([
      'ALTER TABLE auth_user RENAME TO accounts_user',
      'ALTER TABLE knox_authtoken RENAME TO devices_token',
    ]);
    const test = await startDjangoApp(database, {
      owner: Account,
      knox: { tokenEntity: AccountToken },
    });
    const { user, authToken } = await test.tokens.authenticate(tokenOf('long'));
    expect(user).toBeInstanceOf(Account);
    expect(user).toEqual({ number: 1, username: 'john.doe', isActive: true });
    expect(authToken).toBeInstanceOf(AccountToken);
    const token = await test.login('jane.doe');
    expect((await test.client.get('/me', { token })).body.username).toBe('jane.doe');
    await test.close();
  });
});
