import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { TypeOrmModule } from '@nestjs/typeorm';
import { Column, DataSource, Entity, PrimaryColumn } from 'typeorm';
import { AuthToken } from '../../lib/index.ts';
import { createDatabase, type TestDatabase } from '../support/databases.ts';
import { DeviceToken, Member } from '../support/devices.ts';
import { ERRORS } from '../support/errors.ts';
import { startOwnerApp, type OwnerApp } from '../support/owner-app.ts';
import { User as IntegerUser } from '../support/users.ts';

const UUID = 'c0a80121-7ac0-4e1a-9f4a-0b6f7e0e0001';

/** The owner of another application. Its class must be called User too. */
const TextUser = (() => {
  @Entity('people')
  class User {
    @PrimaryColumn({ type: 'varchar', length: 36 })
    id!: string;

    @Column({ type: 'varchar', length: 50 })
    username!: string;
  }
  return User;
})();

async function databases(count: number): Promise<TestDatabase[]> {
  return Promise.all(Array.from({ length: count }, () => createDatabase('sqlite')));
}

describe('three applications in one process', () => {
  let files: TestDatabase[];
  let apps: [OwnerApp<AuthToken>, OwnerApp<AuthToken>, OwnerApp<DeviceToken>];
  beforeAll(async () => {
    files = await databases(3);
    const on = (index: number) => files[index]!.options;
    apps = await Promise.all([
      startOwnerApp({
        dataSource: { ...on(0), entities: [IntegerUser, AuthToken] },
        owner: IntegerUser,
      }),
      startOwnerApp({
        dataSource: { ...on(1), entities: [TextUser, AuthToken] },
        owner: TextUser,
        knox: { tokenTtl: null, tokenPrefix: 'txt', authHeaderPrefix: 'Token' },
      }),
      startOwnerApp<DeviceToken>({
        dataSource: { ...on(2), entities: [Member, DeviceToken] },
        owner: Member,
        knox: { tokenEntity: DeviceToken, path: 'members', authHeaderPrefix: 'Bearer' },
      }),
    ]);
    const [first, second, third] = apps;
    await first.dataSource.getRepository(IntegerUser).insert({ username: 'ada', password: '' });
    await second.dataSource.getRepository(TextUser).insert({ id: UUID, username: 'ada' });
    await third.dataSource.getRepository(Member).insert({ username: 'ada' });
  });
  afterAll(async () => {
    await Promise.all(apps.map((app) => app.close()));
    await Promise.all(files.map((file) => file.drop()));
  });

  const logIn = async ({ client }: Pick<OwnerApp<AuthToken>, 'client'>, path = 'auth') =>
    (await client.post(`/${path}/login`, { body: { username: 'ada', password: 'any' } })).body;
  const logInToAll = async () => [
    await logIn(apps[0]),
    await logIn(apps[1]),
    await logIn(apps[2], 'members'),
  ];
  const owner = async (
    { client }: Pick<OwnerApp<AuthToken>, 'client'>,
    token: string,
    scheme = 'Token',
  ) => (await client.get('/owner', { headers: { authorization: `${scheme} ${token}` } })).body;

  it('know each its own owner, by its own options', async () => {
    const [first, second, third] = await logInToAll();
    expect(second!.token).toMatch(/^txt/);
    expect([first!.expiry === null, second!.expiry === null]).toEqual([false, true]);
    expect(await owner(apps[0], first!.token)).toMatchObject({ id: 1, username: 'ada' });
    expect(await owner(apps[1], second!.token)).toEqual({
      class: 'User',
      id: UUID,
      username: 'ada',
    });
    expect(await owner(apps[2], third!.token, 'Bearer')).toEqual({
      class: 'Member',
      id: 1,
      username: 'ada',
    });
  });

  it('refuse one another’s tokens', async () => {
    const [first, second, third] = await logInToAll();
    for (const token of [second!.token, third!.token]) {
      expect(await owner(apps[0], token)).toEqual(ERRORS.invalidToken);
    }
    for (const token of [first!.token, third!.token]) {
      expect(await owner(apps[1], token)).toEqual(ERRORS.invalidToken);
    }
    for (const token of [first!.token, second!.token]) {
      expect(await owner(apps[2], token, 'Bearer')).toEqual(ERRORS.invalidToken);
    }
  });

  it('have each its own routes', async () => {
    expect((await apps[0].client.post('/members/login')).status).toBe(404);
    expect((await apps[2].client.post('/auth/login')).status).toBe(404);
  });

  it('leave one another’s tokens alone', async () => {
    const [first, second] = await logInToAll();
    await apps[0].client.post('/auth/logoutall', { token: first!.token });
    expect(await owner(apps[1], second!.token)).toMatchObject({ id: UUID });
  });

  it('store the owner’s key as what it is', () => {
    const types = apps.map(
      ({ dataSource }, index) =>
        dataSource
          .getMetadata(index === 2 ? DeviceToken : AuthToken)
          .columns.find(({ databaseName }) => databaseName === 'user_id')?.type,
    );
    expect(types).toEqual([Number, 'varchar', Number]);
  });
});

describe('an application with two data sources', () => {
  it('keeps its tokens in the one that dataSource names', async () => {
    const [plain, named] = await databases(2);
    const other = TypeOrmModule.forRoot({
      ...plain!.options,
      entities: [TextUser, AuthToken],
      synchronize: true,
    });
    const test = await startOwnerApp({
      dataSource: { ...named!.options, name: 'named', entities: [IntegerUser, AuthToken] },
      owner: IntegerUser,
      imports: [other],
      knox: { dataSource: 'named' },
    });
    const [unused, used] = [test.app.get(DataSource), test.dataSource];
    await used.getRepository(IntegerUser).insert({ username: 'ada', password: '' });

    const token = await test.login('ada');
    expect((await test.client.get('/owner', { token })).body).toMatchObject({ username: 'ada' });
    expect(used).not.toBe(unused);
    expect(await used.getRepository(AuthToken).count()).toBe(1);
    expect(await unused.getRepository(AuthToken).count()).toBe(0);
    expect((await test.client.post('/auth/logout', { token })).status).toBe(204);
    expect(await used.getRepository(AuthToken).count()).toBe(0);

    await test.close();
    await Promise.all([plain!.drop(), named!.drop()]);
  });
});

describe('a data source outside NestJS', () => {
  it('reads the tokens and their owners, and writes what the application takes', async () => {
    const [file] = await databases(1);
    const options = { ...file!.options, entities: [IntegerUser, AuthToken] };
    const test = await startOwnerApp({ dataSource: options, owner: IntegerUser });
    const outside = await new DataSource(options).initialize();
    const user = await outside.getRepository(IntegerUser).save({ username: 'ada', password: '' });
    const token = await test.login('ada');

    const rows = outside.getRepository(AuthToken<IntegerUser>);
    const [row] = await rows.find({ relations: { user: true } });
    expect(row).toEqual((await test.tokens.list(user))[0]);
    expect(row!.user).toBeInstanceOf(IntegerUser);

    await rows.update(row!.digest, { expiry: null });
    expect((await test.tokens.authenticate(token)).authToken.expiry).toBeNull();
    await rows.remove(row!);
    expect((await test.client.get('/owner', { token })).body).toEqual(ERRORS.invalidToken);

    await outside.destroy();
    await test.close();
    await file!.drop();
  });
});
