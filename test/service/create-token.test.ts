import { createHash } from 'node:crypto';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { AuthToken, type CreateTokenOptions } from '../../lib/index.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { freezeTime, restoreTime } from '../support/clock.ts';
import { DATABASES, createDatabase, type TestDatabase } from '../support/databases.ts';
import { DeviceToken, Member } from '../support/devices.ts';
import { ERRORS } from '../support/errors.ts';
import { startOwnerApp, type OwnerApp } from '../support/owner-app.ts';
import { User } from '../support/users.ts';
import { createExpired } from '../support/expired-token.ts';

const NOW = Date.UTC(2025, 9, 26, 0, 30, 0, 123);
const HOUR = 3_600_000;

describe.each(DATABASES)('TokenService on %s', (database) => {
  let test: TestApp;
  beforeAll(async () => {
    test = await startApp({ database });
  });
  afterAll(() => test.close());
  beforeEach(() => freezeTime(NOW));
  afterEach(async () => {
    restoreTime();
    await test.tokens.revokeAll(test.john);
  });

  const saved = (digest: string) =>
    test.rows.findOneOrFail({ where: { digest }, relations: { user: true } });

  describe('create', () => {
    it('gives the saved entity and the raw token', async () => {
      const issued = await test.tokens.create(test.john);

      expect(Object.keys(issued).sort()).toEqual(['authToken', 'token']);
      const { authToken, token } = issued;
      expect(token).toMatch(/^[0-9a-f]{64}$/);
      expect(authToken).toBeInstanceOf(AuthToken);
      expect(Object.fromEntries(Object.entries(authToken))).toEqual({
        digest: createHash('sha512').update(token).digest('hex'),
        tokenKey: token.slice(0, 15),
        user: test.john,
        created: new Date(NOW),
        expiry: new Date(NOW + 10 * HOUR),
        ttl: null,
      });
      expect(authToken.user).toBe(test.john);
      expect(await saved(authToken.digest)).toEqual(authToken);
    });

    it('gives a token that works at once', async () => {
      const { authToken, token } = await test.tokens.create(test.john);
      expect(await test.tokens.authenticate(token)).toEqual({ user: test.john, authToken });
    });

    it('never gives the same token twice', async () => {
      const issued = await Promise.all(
        Array.from({ length: 5 }, () => test.tokens.create(test.john)),
      );
      expect(new Set(issued.map(({ token }) => token)).size).toBe(5);
      expect(await test.rows.countBy({ user: { id: test.john.id } })).toBe(5);
    });

    it.each<[string, CreateTokenOptions['ttl'], number | null, number | null]>([
      ['a string with its unit', '90s', 90_000, 90_000],
      ['a number of milliseconds', 1_500, 1_500, 1_500],
      ['null, for ever', null, null, null],
      ['undefined, the option’s', undefined, 10 * HOUR, null],
    ])('takes as its ttl %s', async (_, ttl, expiresAfter, ownTtl) => {
      const { authToken } = await test.tokens.create(test.john, { ttl });
      const expiry = expiresAfter === null ? null : new Date(NOW + expiresAfter);
      expect(authToken.expiry).toEqual(expiry);
      expect(authToken.ttl).toBe(ownTtl);
      expect(await saved(authToken.digest)).toEqual(authToken);
    });

    it('puts a prefix before the random part, in the digest and the key too', async () => {
      const { authToken, token } = await test.tokens.create(test.john, { prefix: 'my_app-1' });
      expect(token).toMatch(/^my_app-1[0-9a-f]{64}$/);
      expect(authToken.tokenKey).toBe(token.slice(0, 15));
      expect(authToken.digest).toBe(createHash('sha512').update(token).digest('hex'));
      expect((await test.tokens.authenticate(token)).user).toEqual(test.john);
    });

    it('refuses a token over the limit with 403, and counts only unexpired tokens', async () => {
      const create = () => test.tokens.create(test.john, { limit: 2 });
      await createExpired(test.tokens, test.john);
      await test.tokens.create(test.jane);
      await create();
      await test.tokens.create(test.john, { ttl: null });

      await expect(create()).rejects.toMatchObject({ response: ERRORS.limitExceeded });
      expect(await test.rows.countBy({ user: { id: test.john.id } })).toBe(3);
      await test.tokens.create(test.john, { limit: 3 });
      await test.tokens.create(test.john, { limit: null });
      await test.tokens.revokeAll(test.jane);
    });

    it('takes a plain object with the key for the user, and loads the user', async () => {
      const { authToken } = await test.tokens.create({ id: test.john.id });
      expect(authToken.user).toBeInstanceOf(User);
      expect(authToken.user).toEqual(test.john);
    });

    it('gives an inactive user no token', async () => {
      const idle = await test.users.save({ username: 'idle', password: '', isActive: false });
      for (const user of [idle, test.users.create(idle), { id: idle.id }]) {
        await expect(test.tokens.create(user)).rejects.toMatchObject({
          response: ERRORS.userInactive,
        });
      }
      expect(await test.rows.countBy({ user: { id: idle.id } })).toBe(0);
      await test.users.delete(idle.id);
    });

    it('gives a user who does not exist no token', async () => {
      const gone = await test.users.save(
        test.users.create({ username: 'gone', password: '', isActive: true }),
      );
      await test.users.delete(gone.id);
      const withKey = test.users.create({ id: 2_000_000, isActive: true });
      for (const user of [{ id: 2_000_000 }, withKey]) {
        await expect(test.tokens.create(user)).rejects.toMatchObject({
          response: ERRORS.userInactive,
        });
      }
    });
  });
});

describe.each(DATABASES)('TokenService of an own token entity on %s', (name) => {
  let database: TestDatabase;
  let test: OwnerApp<DeviceToken>;
  let member: Member;
  beforeAll(async () => {
    database = await createDatabase(name);
    const dataSource = { ...database.options, entities: [Member, DeviceToken] };
    test = await startOwnerApp({ dataSource, owner: Member, knox: { tokenEntity: DeviceToken } });
    member = await test.dataSource.getRepository(Member).save({ username: 'm' });
  });
  afterAll(async () => {
    await test.close();
    await database.drop();
  });

  it('saves the columns it is given, and gives those the database has filled in', async () => {
    const issued = await test.tokens.create(member, { columns: { deviceName: 'Émilie’s 📱' } });
    expect(issued.authToken).toBeInstanceOf(DeviceToken);
    expect(issued.authToken).toMatchObject({ deviceName: 'Émilie’s 📱', platform: 'web' });
    const { authToken } = await test.tokens.authenticate(issued.token);
    expect(authToken).toEqual(issued.authToken);
  });

  it('leaves the columns it is not given at their defaults', async () => {
    const { token } = await test.tokens.create(member);
    const { authToken } = await test.tokens.authenticate(token);
    expect(authToken).toMatchObject({ deviceName: null, platform: 'web' });
  });
});
