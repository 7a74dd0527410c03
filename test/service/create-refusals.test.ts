import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { Entity, PrimaryGeneratedColumn, DataSource } from 'typeorm';
import { AuthToken } from '../../lib/index.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { createDatabase, type TestDatabase } from '../support/databases.ts';
import { DeviceToken, Member } from '../support/devices.ts';
import { startOwnerApp, type OwnerApp } from '../support/owner-app.ts';
import { SqlLog } from '../support/sql-log.ts';
import { User } from '../support/users.ts';

@Entity('articles')
class Article {
  @PrimaryGeneratedColumn()
  id!: number;
}

class Stranger {
  id = 1;
}

const NO_EXACT_KEY =
  'The user’s key User.id must be a string, a bigint, or a number that is an exact integer.';

describe('TokenService', () => {
  let test: TestApp;
  let sql: SqlLog;
  beforeAll(async () => {
    test = await startApp({ entities: [User, AuthToken, Article] });
    sql = new SqlLog(test.dataSource);
  });
  afterAll(() => test.close());
  afterEach(() => sql.clear());

  const users: [string, () => unknown, string][] = [
    ['undefined', () => undefined, 'Expected a user, an instance of User.'],
    ['null', () => null, 'Expected a user, an instance of User.'],
    ['a bare key', () => test.john.id, 'Expected a user, an instance of User.'],
    ['an array', () => [test.john], 'Expected a user, an instance of User.'],
    ['an unsaved user', () => new User(), 'The user has no key: User.id is not set.'],
    ['an empty object', () => ({}), 'The user has no key: User.id is not set.'],
    ['a null key', () => ({ id: null }), 'The user has no key: User.id is not set.'],
    ['an empty key', () => ({ id: '' }), 'The user has no key: User.id is not set.'],
    ['a number that is not exact', () => ({ id: 2 ** 53 }), NO_EXACT_KEY],
    ['a key that is NaN', () => ({ id: NaN }), NO_EXACT_KEY],
    ['a key that is a list', () => ({ id: [1] }), NO_EXACT_KEY],
    ['a key that is an object', () => ({ id: {} }), NO_EXACT_KEY],
    [
      'a key of another type',
      () => ({ id: '1 or 1' }),
      'The user’s key User.id is of another type.',
    ],
    [
      'an instance of another entity',
      () => Object.assign(new Article(), { id: test.john.id }),
      'Expected an instance of User, got one of Article.',
    ],
  ];

  describe.each(users)('refuses as a user %s, before any SQL,', (_, user, message) => {
    const typeError = new TypeError(message.replace('’', "'"));

    it.each<[string, (user: object) => Promise<unknown>]>([
      ['in create', (given) => test.tokens.create(given)],
      ['in revokeAll', (given) => test.tokens.revokeAll(given)],
      ['in list', (given) => test.tokens.list(given)],
    ])('%s', async (__, call) => {
      await expect(call(user() as object)).rejects.toThrow(typeError);
      await expect(call(user() as object)).rejects.toBeInstanceOf(TypeError);
      expect(sql.statements).toEqual([]);
    });
  });

  it('takes an instance of a class that is no entity by its key', async () => {
    const stranger = Object.assign(new Stranger(), { id: test.john.id });
    expect((await test.tokens.create(stranger)).authToken.user).toEqual(test.john);
    expect(sql.statements).not.toEqual([]);
  });

  describe('create refuses, before any SQL,', () => {
    const OPTIONS = 'there are ttl, prefix, limit, columns, name, abilities, within, manager.';
    const TTL =
      'ttl must be a whole number of milliseconds, or a string with its unit ' +
      "(ms, s, m, h, d, w) such as '10h'; at most 1000 years, more than 0, or null; got ";
    const PREFIX = 'prefix must be at most 10 letters, digits, "_" or "-".';
    const NONE_OWN = 'to set; it has none of its own.';

    it.each<[string, object, string]>([
      ['an option there is none of', { tokenTtl: 1 }, `There is no option "tokenTtl"; ${OPTIONS}`],
      [
        'an own __proto__',
        JSON.parse('{"__proto__":1}'),
        `There is no option "__proto__"; ${OPTIONS}`,
      ],
      ['a ttl without a unit', { ttl: '90' }, `${TTL}a string without a unit, '90'.`],
      ['a ttl of another form', { ttl: '10 hours' }, `${TTL}a string, '10 hours'.`],
      ['a ttl of zero', { ttl: 0 }, `${TTL}a number, 0.`],
      ['a ttl of zero as a string', { ttl: '0h' }, `${TTL}a string, '0h'.`],
      ['a negative ttl', { ttl: -1 }, `${TTL}a number, -1.`],
      ['a negative ttl as a string', { ttl: '-5m' }, `${TTL}a string, '-5m'.`],
      ['a fraction of a millisecond', { ttl: 1.5 }, `${TTL}a number, 1.5.`],
      ['a ttl that is NaN', { ttl: NaN }, `${TTL}NaN.`],
      ['a ttl without end', { ttl: Infinity }, `${TTL}a number, Infinity.`],
      ['a ttl past all dates', { ttl: 8.64e15 }, `${TTL}a number, 8640000000000000.`],
      ['a Date as ttl', { ttl: new Date(0) }, `${TTL}an object.`],
      ['a prefix that is too long', { prefix: 'elevenchars' }, PREFIX],
      ['a prefix of other characters', { prefix: 'a b' }, PREFIX],
      ['a prefix that is a list', { prefix: ['abc'] }, PREFIX],
      ['a negative limit', { limit: -1 }, 'limit must be a whole number or null; got a number.'],
      ['half a token', { limit: 1.5 }, 'limit must be a whole number or null; got a number.'],
      ['a limit as text', { limit: '5' }, 'limit must be a whole number or null; got a string.'],
      ['columns that are null', { columns: null }, 'columns must be an object; got null.'],
      ['columns in a list', { columns: ['x'] }, 'columns must be an object; got an array.'],
      ...['digest', 'tokenKey', 'user', 'created', 'expiry', 'ttl', 'nothing', '__proto__'].map(
        (name): [string, object, string] => [
          `a column ${name}`,
          { columns: JSON.parse(`{"${name}":1}`) as object },
          `columns: AuthToken has no column "${name}" ${NONE_OWN}`,
        ],
      ),
    ])('%s', async (_, options, message) => {
      const create = test.tokens.create(test.john, options);
      await expect(create).rejects.toThrow(new TypeError(message));
      await expect(create).rejects.toBeInstanceOf(TypeError);
      expect(sql.statements).toEqual([]);
    });

    it('a manager of another data source', async () => {
      const other = new DataSource({
        type: 'better-sqlite3',
        database: ':memory:',
        entities: [User, AuthToken],
      });
      await other.initialize();
      const create = test.tokens.create(test.john, { manager: other.manager });
      await expect(create).rejects.toThrow(
        new TypeError("manager must be an EntityManager of the token entity's data source."),
      );
      await expect(create).rejects.toBeInstanceOf(TypeError);
      expect(sql.statements).toEqual([]);
      await other.destroy();
    });

    it.each([
      ['null', null],
      ['a data source', () => test.dataSource],
      ['an object', {}],
    ])('a manager that is %s', async (_, given) => {
      const manager = (typeof given === 'function' ? given() : given) as never;
      await expect(test.tokens.create(test.john, { manager })).rejects.toThrow(
        new TypeError("manager must be an EntityManager of the token entity's data source."),
      );
      expect(sql.statements).toEqual([]);
    });
  });

  describe('refuses as a token, before any SQL,', () => {
    const values = [undefined, null, 1, {}, ['a'], Buffer.from('a'), new String('a')];

    it.each(values.map((value) => [value]))('%p in authenticate', async (value) => {
      const authenticate = test.tokens.authenticate(value as string);
      await expect(authenticate).rejects.toThrow(new TypeError('The token must be a string.'));
      expect(sql.statements).toEqual([]);
    });

    it.each(values.map((value) => [value]))('%p in revoke', async (value) => {
      const revoke = test.tokens.revoke(value as string);
      await expect(revoke).rejects.toBeInstanceOf(TypeError);
      await expect(revoke).rejects.toThrow(/^Expected a token, or an? .*AuthToken\.$/);
      expect(sql.statements).toEqual([]);
    });

    it.each(values.slice(1).map((value) => [value]))('%p as except', async (except) => {
      const revokeAll = test.tokens.revokeAll(test.john, { except: except as string });
      await expect(revokeAll).rejects.toBeInstanceOf(TypeError);
      await expect(revokeAll).rejects.toThrow(/^Expected a token, or an? .*AuthToken\.$/);
      expect(sql.statements).toEqual([]);
    });
  });
});

describe('TokenService of an own token entity', () => {
  let database: TestDatabase;
  let test: OwnerApp<DeviceToken>;
  beforeAll(async () => {
    database = await createDatabase('sqlite');
    const dataSource = { ...database.options, entities: [Member, DeviceToken] };
    test = await startOwnerApp({ dataSource, owner: Member, knox: { tokenEntity: DeviceToken } });
  });
  afterAll(async () => {
    await test.close();
    await database.drop();
  });

  it.each(['digest', 'user', 'device_name', '__proto__', 'constructor'])(
    'refuses a column %s, and names those there are',
    async (name) => {
      const sql = new SqlLog(test.dataSource);
      const columns = JSON.parse(`{"deviceName":"x","${name}":"y"}`) as object;
      await expect(test.tokens.create({ id: 1 }, { columns })).rejects.toThrow(
        new TypeError(`columns: DeviceToken has no column "${name}" to set; deviceName, platform.`),
      );
      expect(sql.statements).toEqual([]);
    },
  );
});
