import { afterEach, describe, expect, it } from '@jest/globals';
import type { DataSourceOptions } from 'typeorm';
import { Column, Entity, JoinColumn, ManyToOne, PrimaryGeneratedColumn } from 'typeorm';
import { AbstractAuthToken, AuthToken, KnoxConfigError } from '../../lib/index.ts';
import { createDatabase, DATABASES, type TestDatabase } from '../support/databases.ts';
import { describeOnServers } from '../support/describe-on.ts';
import { startOwnerApp, type OwnerApp } from '../support/owner-app.ts';
import { User } from '../support/users.ts';

let database: TestDatabase;
let test: OwnerApp<AbstractAuthToken> | undefined;
afterEach(async () => {
  await test?.close();
  test = undefined;
  await database.drop();
});

async function session(app: OwnerApp<AbstractAuthToken>): Promise<number[]> {
  const me = async (token: string): Promise<number> =>
    (await app.client.get('/owner', { token })).status;
  const [first, second] = [await app.login('john'), await app.login('john')];
  return [
    await me(first),
    (await app.client.post('/auth/logout', { token: first })).status,
    await me(first),
    await me(second),
    (await app.client.post('/auth/logoutall', { token: second })).status,
    await me(second),
  ];
}

const USUAL = [200, 204, 401, 200, 204, 401];

describe.each(DATABASES)('on %s', (name) => {
  it('names with question marks are names', async () => {
    @Entity('member?')
    class Member {
      @PrimaryGeneratedColumn({ name: 'id?' }) id!: number;
      @Column({ type: 'varchar', length: 20 }) username!: string;
      @Column({ type: 'boolean', name: 'is active?' }) isActive!: boolean;
    }
    @Entity('token??')
    class MemberToken extends AbstractAuthToken<Member> {
      @ManyToOne(() => Member, { onDelete: 'CASCADE', nullable: false })
      @JoinColumn({ name: 'whose?' })
      user!: Member;
    }
    database = await createDatabase(name);
    test = await startOwnerApp({
      dataSource: { ...database.options, entities: [Member, MemberToken] },
      owner: Member,
      knox: { tokenEntity: MemberToken, tokenLimitPerUser: 5 },
    });
    await test.dataSource.getRepository(Member).save({ username: 'john', isActive: true });
    expect(await session(test)).toEqual(USUAL);
    expect(await test.tokens.deleteExpired()).toBe(0);
  });
});

describeOnServers('on %s', (name) => {
  // pg and mysql2 have different names for it.
  const size = name === 'postgres' ? 'max' : 'connectionLimit';
  it.each<[string, object]>([
    ['poolSize is NaN', { poolSize: Number.NaN }],
    ['poolSize is 0', { poolSize: 0 }],
    ['extra says NaN', { extra: { [size]: Number.NaN } }],
    ['extra is an unset variable', { extra: { [size]: '' } }],
  ])('the size of the application’s pool is not ours, where %s', async (_, pool) => {
    database = await createDatabase(name);
    test = await startOwnerApp({
      dataSource: { ...database.options, entities: [User, AuthToken] },
      owner: User,
      knox: { authTimeout: '2s', verifyCredentials: () => ({ id: 1 }) },
    });
    await test.dataSource
      .getRepository(User)
      .save({ username: 'john', password: '', isActive: true });
    await test.close();
    test = await startOwnerApp({
      dataSource: {
        ...database.options,
        ...pool,
        synchronize: false,
        entities: [User, AuthToken],
      },
      owner: User,
      knox: { authTimeout: '2s', verifyCredentials: () => ({ id: 1 }) },
    });
    expect(await session(test)).toEqual(USUAL);
  });
});

describe('on SQLite', () => {
  it.each(['owners', 'tokens', 'owners and tokens'])(
    '%s may be in an attached file',
    async (what) => {
      database = await createDatabase('sqlite');
      const file = `${String(database.options.database)}.other`;
      const other = (name: string) => (what.includes(name) ? { database: file } : {});

      @Entity({ name: 'member', ...other('owners') })
      class Member {
        @PrimaryGeneratedColumn() id!: number;
        @Column({ type: 'varchar' }) username!: string;
      }
      @Entity({ name: 'member_token', ...other('tokens') })
      class MemberToken extends AbstractAuthToken<Member> {
        // SQLite has no foreign keys from one file to another.
        @ManyToOne(() => Member, {
          nullable: false,
          createForeignKeyConstraints: what === 'owners and tokens',
        })
        @JoinColumn({ name: 'user_id' })
        user!: Member;
      }
      test = await startOwnerApp({
        dataSource: { ...database.options, entities: [Member, MemberToken] },
        owner: Member,
        knox: { tokenEntity: MemberToken },
      });
      await test.dataSource.getRepository(Member).save({ username: 'john' });
      expect(await session(test)).toEqual(USUAL);
    },
  );

  it.each([true, false])(
    'a file that is locked for one connection stops the start (WAL: %s)',
    async (enableWAL) => {
      database = await createDatabase('sqlite');
      const starting = startExclusively({ ...database.options, enableWAL } as DataSourceOptions);
      await expect(starting).rejects.toThrow(KnoxConfigError);
      await expect(starting).rejects.toThrow(/option "dataSource": .*EXCLUSIVE.*prepareDatabase/);
    },
  );

  it.each([
    ['a checkpoint is made after fewer pages than by default', undefined, 100],
    ['but after as many as the application says', 300, 300],
  ])('a file with a write-ahead log: %s', async (_, given, expected) => {
    const files: { pragma(source: string, options?: object): unknown }[] = [];
    const prepareDatabase = (file: (typeof files)[number]): void => {
      files.push(file);
      if (given !== undefined) file.pragma(`wal_autocheckpoint = ${String(given)}`);
    };
    database = await createDatabase('sqlite');
    const options = { ...database.options, enableWAL: true, prepareDatabase };
    test = await startOwnerApp({
      dataSource: { ...options, entities: [User, AuthToken] },
      owner: User,
    });
    await test.dataSource
      .getRepository(User)
      .save({ username: 'john', password: '', isActive: true });
    expect(await session(test)).toEqual(USUAL);
    const pages = files.map((file) => file.pragma('wal_autocheckpoint', { simple: true }));
    expect(pages).toEqual([given ?? 1_000, expected]);
  });

  it('a database in memory may be locked for its one connection', async () => {
    database = { options: { type: 'better-sqlite3', database: ':memory:' }, drop: async () => {} };
    test = await startExclusively(database.options);
    await test.dataSource
      .getRepository(User)
      .save({ username: 'john', password: '', isActive: true });
    expect(await session(test)).toEqual(USUAL);
  });
});

function startExclusively(options: DataSourceOptions): Promise<OwnerApp<AuthToken>> {
  const prepareDatabase = (file: { pragma(source: string): unknown }): void => {
    file.pragma('locking_mode = EXCLUSIVE');
  };
  return startOwnerApp({
    dataSource: { ...options, prepareDatabase, entities: [User, AuthToken] } as never,
    owner: User,
  });
}
