import { Controller, Get, UseGuards } from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Repository } from 'typeorm';
import { CurrentUser, KnoxAuthGuard, KnoxConfigError } from '../../lib/index.ts';
import { createDatabase, DATABASES, type TestDatabase } from '../support/databases.ts';
import {
  Address,
  Badge,
  Country,
  Employee,
  EMPLOYEE_ENTITIES,
  EmployeeToken,
  Manager,
  Permission,
  Role,
  Team,
} from '../support/employees.ts';
import { ERRORS } from '../support/errors.ts';
import { startOwnerApp, type OwnerApp } from '../support/owner-app.ts';

const seen: unknown[] = [];

@Controller('seen')
@UseGuards(KnoxAuthGuard)
class SeeingController {
  @Get()
  see(@CurrentUser() user: unknown): void {
    seen.push(user);
  }
}

const start = (database: TestDatabase, userRelations: string[], cached = false) =>
  startOwnerApp<EmployeeToken>({
    dataSource: {
      ...database.options,
      entities: EMPLOYEE_ENTITIES,
      cache: cached && { alwaysEnabled: true, duration: 600_000 },
    },
    owner: Employee,
    knox: { tokenEntity: EmployeeToken, userRelations },
    controllers: [SeeingController],
  });

/** Saves Ada with her team and roles. */
function hire(employees: Repository<Employee>): Promise<Employee> {
  const country = { name: 'Peru' };
  return employees.save(
    employees.create({
      username: 'ada',
      tags: ['a', 'b'],
      isActive: true,
      address: { city: 'Lima', country },
      team: { name: 'core', country: { name: 'Chile' } },
      roles: [{ name: 'admin', permissions: [{ name: 'read' }] }],
    }),
  );
}

describe.each(DATABASES)('the user of a request on %s', (name) => {
  let database: TestDatabase;
  let test: OwnerApp<EmployeeToken>;
  let employees: Repository<Employee>;
  let token: string;
  beforeAll(async () => {
    database = await createDatabase(name);
    test = await start(database, ['roles.permissions']);
    employees = test.dataSource.getRepository(Employee);
    await hire(employees);
    token = await test.login('ada');
  });
  afterAll(async () => {
    await test.close();
    await database.drop();
  });

  const user = async () => (await test.tokens.authenticate(token)).user;

  it('is what the app’s own repository gives', async () => {
    const relations = { roles: { permissions: true } };
    const own = await employees.findOneOrFail({ where: { username: 'ada' }, relations });
    expect((await test.client.get('/seen', { token })).status).toBe(200);
    expect(seen.pop()).toStrictEqual(own);
  });

  it('is an instance of its entity, embedded parts and loaded listeners included', async () => {
    const found = await user();
    expect(found).toBeInstanceOf(Employee);
    expect(found.address).toBeInstanceOf(Address);
    expect(found.address.city).toBe('Lima');
    expect(found.isLoaded).toBe(true);
  });

  it('has its columns transformed, and lacks those that are not selected', async () => {
    const found = await user();
    expect(found.tags).toEqual(['a', 'b']);
    expect('secret' in found).toBe(false);
  });

  it('brings its eager relations and theirs', async () => {
    const { team } = await user();
    expect(team).toBeInstanceOf(Team);
    expect(team.country).toBeInstanceOf(Country);
    expect(team.country.name).toBe('Chile');
  });

  it('brings what userRelations names, and what lies on the way', async () => {
    const { roles } = await user();
    expect(roles[0]).toBeInstanceOf(Role);
    expect(roles[0]!.permissions[0]).toBeInstanceOf(Permission);
    expect(roles[0]!.permissions[0]!.name).toBe('read');
  });

  it('has its own class in a table of several classes', async () => {
    const managers = test.dataSource.getRepository(Manager);
    const boss = managers.create({ username: 'boss', tags: [], isActive: true, title: 'CTO' });
    boss.address = Object.assign(new Address(), { city: 'Cusco' });
    await managers.save(boss);
    const bosses = await test.login('boss');
    const { user } = await test.tokens.authenticate(bosses);
    expect(user).toBeInstanceOf(Manager);
    expect(user).toMatchObject({ username: 'boss', title: 'CTO', roles: [] });
  });

  it('is refused while soft-deleted, and may go on when restored', async () => {
    const ada = await employees.findOneByOrFail({ username: 'ada' });
    await employees.softDelete(ada.id);
    const refused = await test.client.get('/seen', { token });
    const gone = await employees.findOneOrFail({ where: { id: ada.id }, withDeleted: true });
    const create = (user: object) => test.tokens.create(user);
    const inactive = { response: ERRORS.userInactive };
    await expect(create(gone)).rejects.toMatchObject(inactive);
    await expect(create({ id: ada.id })).rejects.toMatchObject(inactive);
    await employees.restore(ada.id);
    const restored = await test.client.get('/seen', { token });

    expect([refused.status, refused.body]).toEqual([401, ERRORS.userInactive]);
    expect(restored.status).toBe(200);
  });

  it('comes with a token that has its own eager relations', async () => {
    const badges = test.dataSource.getRepository(Badge);
    const badge = await badges.save(badges.create({ colour: 'red' }));
    const issued = await test.tokens.create(await user(), { columns: { badge } });
    const { authToken } = await test.tokens.authenticate(issued.token);
    expect(authToken.badge).toBeInstanceOf(Badge);
    expect(authToken.badge).toEqual(badge);
  });
});

describe('userRelations', () => {
  it('are not loaded where they are not named', async () => {
    const database = await createDatabase('sqlite');
    const test = await start(database, []);
    const ada = await hire(test.dataSource.getRepository(Employee));
    const { token } = await test.tokens.create(ada);
    const { user } = await test.tokens.authenticate(token);
    expect(user.roles).toBeUndefined();
    expect(user.address).toEqual({ city: 'Lima' });
    await test.close();
    await database.drop();
  });

  it('bring a relation of an embedded part', async () => {
    const database = await createDatabase('sqlite');
    try {
      const test = await start(database, ['address.country']);
      const ada = await hire(test.dataSource.getRepository(Employee));
      const { token } = await test.tokens.create(ada);
      const { user } = await test.tokens.authenticate(token);
      expect(user.address).toMatchObject({ city: 'Lima', country: { name: 'Peru' } });
      await test.close();
    } finally {
      await database.drop();
    }
  });

  it.each([
    ['role', 'Employee has no relation "role".'],
    ['roles.permission', 'Role has no relation "permission".'],
    ['username', 'Employee has no relation "username".'],
    ['constructor', 'Employee has no relation "constructor".'],
  ])('with a wrong name, %s, stop the start', async (relation, problem) => {
    const database = await createDatabase('sqlite');
    const started = start(database, ['roles', relation]);
    await expect(started).rejects.toBeInstanceOf(KnoxConfigError);
    await expect(started).rejects.toThrow(`KnoxModule option "userRelations": ${problem}`);
    await database.drop();
  });
});

describe.each(DATABASES)('a cache that is always on, on %s,', (name) => {
  it('serves no old verdict on a token that is revoked or a user who is blocked', async () => {
    const database = await createDatabase(name);
    const test = await start(database, ['roles'], true);
    const employees = test.dataSource.getRepository(Employee);
    const ada = await hire(employees);
    const tokens = [await test.tokens.create(ada), await test.tokens.create(ada)];
    const [revoked, kept] = tokens.map((issued) => issued.token) as [string, string];
    const status = async (token: string) => (await test.client.get('/seen', { token })).status;

    expect([await status(revoked), await status(kept)]).toEqual([200, 200]);
    expect(await test.tokens.list(ada)).toHaveLength(2);
    expect((await test.client.post('/auth/logout', { token: revoked })).status).toBe(204);
    expect([await status(revoked), await status(kept)]).toEqual([401, 200]);
    expect(await test.tokens.list(ada)).toHaveLength(1);
    await employees.update(ada.id, { isActive: false });
    expect(await status(kept)).toBe(401);
    await expect(test.tokens.create({ id: ada.id })).rejects.toMatchObject({
      response: ERRORS.userInactive,
    });

    await test.close();
    await database.drop();
  });
});
