import type { Type } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  Column,
  Entity,
  JoinColumn,
  ManyToOne,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  type DataSource,
} from 'typeorm';
import { AbstractAuthToken } from '../../lib/index.ts';
import {
  createDatabase,
  DATABASES,
  type DatabaseName,
  type TestDatabase,
} from '../support/databases.ts';
import { ERRORS } from '../support/errors.ts';
import { startOwnerApp, type OwnerApp } from '../support/owner-app.ts';

interface Owner {
  id: unknown;
  username: string;
}

interface Kind {
  readonly name: string;
  readonly key: (database: DatabaseName) => PropertyDecorator;
  /** Keys of two owners that a loose comparison takes for the same. */
  readonly keys: (database: DatabaseName) => [unknown, unknown];
  /** The first key in another spelling, if the database takes it for the same. */
  readonly respelled?: (key: unknown, database: DatabaseName) => unknown;
  /** The type of user_id. */
  readonly columnType: Record<DatabaseName, RegExp>;
}

const KINDS: Kind[] = [
  {
    name: 'integer',
    key: () => PrimaryGeneratedColumn({ type: 'int' }),
    keys: () => [1, 2],
    respelled: (key) => `0${String(key)}`,
    columnType: { sqlite: /^integer$/, postgres: /^integer$/, mariadb: /^int$/ },
  },
  {
    name: 'bigint',
    key: () => PrimaryColumn({ type: 'bigint' }),
    // SQLite's driver gives TypeORM doubles, which cannot tell these two apart; the others can.
    keys: (database) =>
      database === 'sqlite'
        ? ['4503599627370497', '4503599627370496']
        : ['9007199254740993', '9007199254740992'],
    respelled: (key) => `00${String(key)}`,
    columnType: { sqlite: /^bigint$/, postgres: /^bigint$/, mariadb: /^bigint$/ },
  },
  {
    name: 'uuid',
    key: () => PrimaryColumn({ type: 'uuid' }),
    keys: () => ['c0a80121-7ac0-4e1a-9f4a-0b6f7e0e0001', 'c0a80121-7ac0-4e1a-9f4a-0b6f7e0e0002'],
    respelled: (key, database) => (database === 'sqlite' ? key : (key as string).toUpperCase()),
    columnType: { sqlite: /^varchar$/, postgres: /^uuid$/, mariadb: /^uuid$|^varchar$/ },
  },
  {
    name: 'string',
    key: () => PrimaryColumn({ type: 'varchar', length: 60 }),
    // MariaDB takes a text for the number 0 if it is compared with a number.
    keys: () => ['0', 'ñandú'],
    columnType: { sqlite: /^varchar$/, postgres: /^character varying$/, mariadb: /^varchar$/ },
  },
  {
    name: 'string_in_two_cases',
    key: (database) =>
      PrimaryColumn({
        type: 'varchar',
        length: 60,
        ...(database === 'mariadb' && { collation: 'utf8mb4_bin' }),
      }),
    keys: () => ['ada', 'ADA'],
    columnType: { sqlite: /^varchar$/, postgres: /^character varying$/, mariadb: /^varchar$/ },
  },
];

/** An owner with a key of this kind, and its token class with an additional column. */
function entitiesOf(
  { name, key }: Kind,
  database: DatabaseName,
): [Type<Owner>, Type<AbstractAuthToken>] {
  @Entity(`${name}_member`)
  class Member implements Owner {
    id!: unknown;

    @Column({ type: 'varchar', length: 50 })
    username!: string;
  }
  key(database)(Member.prototype, 'id');

  @Entity(`${name}_token`)
  class MemberToken extends AbstractAuthToken<Member> {
    @ManyToOne(() => Member, { onDelete: 'CASCADE', nullable: false })
    @JoinColumn({ name: 'user_id' })
    user!: Member;

    @Column({ type: 'varchar', length: 20, nullable: true })
    deviceName!: string | null;
  }
  return [Member, MemberToken];
}

describe.each(DATABASES)('on %s', (name) => {
  let database: TestDatabase;
  beforeAll(async () => {
    database = await createDatabase(name);
  });
  afterAll(() => database.drop());

  describe.each(KINDS)('owners with a key of type $name', (kind) => {
    const [Member, MemberToken] = entitiesOf(kind, name);
    const keys = kind.keys(name);
    let test: OwnerApp<AbstractAuthToken & { deviceName: string | null }>;
    let ada: Owner;
    let bob: Owner;
    beforeAll(async () => {
      const dataSource = { ...database.options, entities: [Member, MemberToken] };
      const knox = { tokenEntity: MemberToken };
      test = await startOwnerApp({ dataSource, owner: Member, knox });
      const members = test.dataSource.getRepository(Member);
      await members.insert([
        { id: keys[0] as string, username: 'ada' },
        { id: keys[1] as string, username: 'bob' },
      ]);
      ada = await members.findOneByOrFail({ username: 'ada' });
      bob = await members.findOneByOrFail({ username: 'bob' });
    });
    afterAll(() => test.close());

    const me = async (token: string) => (await test.client.get('/owner', { token })).body;

    it('log in and out', async () => {
      const [adas, bobs] = [await test.login('ada'), await test.login('bob')];
      expect(await me(adas)).toEqual({ class: 'Member', ...ada });
      expect(await me(bobs)).toEqual({ class: 'Member', ...bob });

      expect((await test.client.post('/auth/logout', { token: adas })).status).toBe(204);
      expect(await me(adas)).toEqual(ERRORS.invalidToken);
      expect(await me(bobs)).toMatchObject({ username: 'bob' });
    });

    it('log out everywhere, and no other owner with them', async () => {
      const adas = [await test.login('ada'), await test.login('ada')];
      const bobs = await test.login('bob');
      expect((await test.client.post('/auth/logoutall', { token: adas[0]! })).status).toBe(204);
      for (const token of adas) expect(await me(token)).toEqual(ERRORS.invalidToken);
      expect(await me(bobs)).toMatchObject({ username: 'bob' });
    });

    it('are listed, limited and revoked by their key', async () => {
      await test.tokens.revokeAll(bob);
      const { authToken } = await test.tokens.create(
        { id: keys[0] },
        {
          columns: { deviceName: 'phone' },
        },
      );
      expect(authToken).toBeInstanceOf(MemberToken);
      expect(authToken.user).toEqual(ada);
      expect(await test.tokens.list(ada)).toEqual([authToken]);
      expect(await test.tokens.list(bob)).toEqual([]);
      await test.tokens.create(bob, { limit: 1 });
      await expect(test.tokens.create(ada, { limit: 1 })).rejects.toMatchObject({
        response: ERRORS.limitExceeded,
      });
      expect(await test.tokens.revokeAll({ id: keys[0] })).toBe(1);
      expect(await test.tokens.list(bob)).toHaveLength(1);
    });

    it('are the same in any spelling of their key', async () => {
      await test.tokens.revokeAll(ada);
      const { respelled = (key: unknown) => key } = kind;
      const user = { id: respelled(keys[0], name) } as Owner;
      const { authToken } = await test.tokens.create(user, { limit: 1 });
      await expect(test.tokens.create(user, { limit: 1 })).rejects.toMatchObject({
        response: ERRORS.limitExceeded,
      });
      expect(await test.tokens.list(user)).toMatchObject([{ digest: authToken.digest }]);
      expect(await test.tokens.revokeAll(user)).toBe(1);
    });

    it('have their key’s own type in user_id', async () => {
      expect(await columnTypeOf(test.dataSource, `${kind.name}_token`)).toMatch(
        kind.columnType[name],
      );
    });
  });
});

async function columnTypeOf(dataSource: DataSource, name: string): Promise<string | undefined> {
  const runner = dataSource.createQueryRunner();
  const table = await runner.getTable(name);
  await runner.release();
  return table?.findColumnByName('user_id')?.type;
}
