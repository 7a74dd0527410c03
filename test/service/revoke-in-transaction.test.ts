import { EventEmitter2, EventEmitterModule } from '@nestjs/event-emitter';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource, type EntityManager } from 'typeorm';
import { TokenRevokedEvent } from '../../lib/index.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { DATABASES } from '../support/databases.ts';
import { repeat } from '../support/repeat.ts';
import type { User } from '../support/users.ts';

class Rollback extends Error {}

/** Levels at which MariaDB and PostgreSQL show a transaction an old snapshot. */
const OLD_SNAPSHOTS = ['REPEATABLE READ', 'SERIALIZABLE'] as const;

describe.each(DATABASES)('revoking in the app’s transaction on %s', (database) => {
  let test: TestApp;
  let heard: TokenRevokedEvent[];
  beforeAll(async () => {
    test = await startApp({ database, imports: [EventEmitterModule.forRoot()] });
    test.app
      .get(EventEmitter2)
      .on(TokenRevokedEvent.eventName, (event: TokenRevokedEvent) => heard.push(event));
  });
  afterAll(() => test.close());
  beforeEach(() => {
    heard = [];
  });
  afterEach(async () => {
    await test.rows.deleteAll();
  });

  const transaction = <T>(work: (manager: EntityManager) => Promise<T>) =>
    test.dataSource.transaction(work);
  const rollingBack = (work: (manager: EntityManager) => Promise<unknown>) =>
    expect(
      transaction(async (manager) => {
        await work(manager);
        throw new Rollback();
      }),
    ).rejects.toThrow(Rollback);
  const count = (user: User) => test.rows.countBy({ user: { id: user.id } });
  const fields = () =>
    heard.map(({ reason, user, authToken, count }) => ({ reason, user, authToken, count }));

  it('ends a token when the transaction commits, and sends the event then', async () => {
    const { token, authToken } = await test.tokens.create(test.john);
    const kept = await test.tokens.create(test.john);
    await transaction(async (manager) => {
      expect(await test.tokens.revoke(authToken, { manager })).toBe(true);
      expect(await test.tokens.revoke(token, { manager })).toBe(false);
      expect(heard).toEqual([]);
    });
    expect(fields()).toEqual([{ reason: 'service', user: test.john, authToken, count: 1 }]);
    await expect(test.tokens.authenticate(token)).rejects.toMatchObject({ code: 'invalid_token' });
    expect((await test.tokens.authenticate(kept.token)).user).toEqual(test.john);
  });

  it('ends the user’s tokens but one, and leaves other users’ alone', async () => {
    const kept = await test.tokens.create(test.john);
    await test.tokens.create(test.john);
    await test.tokens.create(test.jane);
    await transaction(async (manager) => {
      // This one is seen by the transaction alone.
      await test.tokens.create(test.john, { manager });
      const options = { manager, except: kept.token };
      expect(await test.tokens.revokeAll(test.john, options)).toBe(2);
      expect(await test.tokens.revokeAll(test.john, options)).toBe(0);
      expect(heard).toEqual([]);
    });
    expect(fields()).toEqual([{ reason: 'service', user: test.john, authToken: null, count: 2 }]);
    expect((await test.rows.find()).length).toBe(2);
    expect((await test.tokens.authenticate(kept.token)).user).toEqual(test.john);
  });

  it('ends nothing, and sends no event, where the transaction rolls back', async () => {
    const { token } = await test.tokens.create(test.john);
    await test.tokens.create(test.john);
    await rollingBack(async (manager) => {
      expect(await test.tokens.revoke(token, { manager })).toBe(true);
      expect(await test.tokens.revokeAll(test.john, { manager })).toBe(1);
    });
    await transaction((manager) => manager.count('User'));
    expect(heard).toEqual([]);
    expect(await count(test.john)).toBe(2);
    expect((await test.tokens.authenticate(token)).user).toEqual(test.john);
  });

  it('ends nothing in a savepoint that rolls back', async () => {
    const { token } = await test.tokens.create(test.john);
    await test.tokens.create(test.john);
    await transaction(async (manager) => {
      const undone = manager.transaction(async (inner) => {
        await test.tokens.revokeAll(test.john, { manager: inner });
        throw new Rollback();
      });
      await expect(undone).rejects.toThrow(Rollback);
      expect(await test.tokens.revoke(token, { manager })).toBe(true);
    });
    expect(heard.map((event) => event.count)).toEqual([1]);
    expect(await count(test.john)).toBe(1);
  });

  it('ends more tokens than a batch holds', async () => {
    await fill(test, 1_203);
    await test.tokens.create(test.jane);
    const ended = await transaction((manager) => test.tokens.revokeAll(test.john, { manager }));
    expect(ended).toBe(1_203);
    expect(heard.map((event) => event.count)).toEqual([1_203]);
    expect([await count(test.john), await count(test.jane)]).toEqual([0, 1]);
  });

  it('commits at once where the manager is in no transaction', async () => {
    const { token } = await test.tokens.create(test.john);
    const { manager } = test.dataSource;
    expect(await test.tokens.revoke(token, { manager })).toBe(true);
    await test.tokens.create(test.john);
    expect(await test.tokens.revokeAll(test.john, { manager })).toBe(1);
    expect(heard).toHaveLength(2);
  });

  it.each([
    ['of another data source', () => otherManager()],
    ['that is null', () => Promise.resolve(null as never)],
    ['that is none', () => Promise.resolve({} as never)],
  ])('refuses a manager %s, and touches nothing', async (_, make) => {
    const { token } = await test.tokens.create(test.john);
    const manager = await make();
    await expect(test.tokens.revoke(token, { manager })).rejects.toThrow(TypeError);
    await expect(test.tokens.revokeAll(test.john, { manager })).rejects.toThrow(TypeError);
    expect(await count(test.john)).toBe(1);
  });

  it('refuses an option that it does not know', async () => {
    const { token } = await test.tokens.create(test.john);
    await expect(test.tokens.revoke(token, { manger: null } as never)).rejects.toThrow(
      'There is no option "manger"; there are manager.',
    );
    expect(await count(test.john)).toBe(1);
  });

  if (database === 'sqlite') return;

  describe.each(OLD_SNAPSHOTS)('that reads an old snapshot, at %s', (level) => {
    /** Runs the work in a transaction that has read its snapshot before a login. */
    const afterLogin = (work: (manager: EntityManager, token: string) => Promise<unknown>) =>
      test.dataSource.transaction(level, async (manager) => {
        await manager.query('SELECT COUNT(*) FROM knox_auth_token');
        const { token } = await test.tokens.create(test.john);
        return work(manager, token);
      });

    it('ends what it sees', async () => {
      const { token } = await test.tokens.create(test.john);
      await test.tokens.create(test.john);
      await test.dataSource.transaction(level, async (manager) => {
        expect(await test.tokens.revoke(token, { manager })).toBe(true);
      });
      await test.dataSource.transaction(level, async (manager) => {
        expect(await test.tokens.revokeAll(test.john, { manager })).toBe(1);
      });
      expect(await count(test.john)).toBe(0);
    });

    it.each([
      ['revoke', (manager: EntityManager, token: string) => test.tokens.revoke(token, { manager })],
      ['revokeAll', (manager: EntityManager) => test.tokens.revokeAll(test.john, { manager })],
    ])('never passes over a later token in silence in %s', async (_, revoke) => {
      // At SERIALIZABLE, MariaDB's reads lock: the login would wait for the transaction.
      if (database === 'mariadb' && level === 'SERIALIZABLE') return;
      if (database === 'mariadb') {
        await afterLogin(async (manager, token) =>
          expect(Number(await revoke(manager, token))).toBe(1),
        );
        expect(await count(test.john)).toBe(0);
      } else {
        await expect(afterLogin(revoke)).rejects.toMatchObject({ code: 'isolation_level' });
        expect(await count(test.john)).toBe(1);
      }
      expect(heard).toHaveLength(database === 'mariadb' ? 1 : 0);
    });
  });

  it('lets logins of the same and of other users go on while the transaction is open', async () => {
    const others = await repeat(6, (index) =>
      test.users.save(test.users.create({ username: `other${String(index)}`, password: 'x' })),
    );
    await test.tokens.create(others[2]!);
    await test.tokens.create(others[2]!);
    await transaction(async (manager) => {
      expect(await test.tokens.revokeAll(others[2]!, { manager })).toBe(2);
      await repeat(6, (index) => test.tokens.create(others[index]!, { limit: 5 }));
    });
    expect(await test.rows.count()).toBe(6);
  });

  it('ends and makes tokens of many users in parallel transactions without a deadlock', async () => {
    const others = await repeat(8, (index) =>
      test.users.save(test.users.create({ username: `many${String(index)}`, password: 'x' })),
    );
    await repeat(8, (index) => test.tokens.create(others[index]!));
    const made = await repeat(40, (index) =>
      transaction(async (manager) => {
        await test.tokens.revokeAll(others[index % 8]!, { manager });
        return test.tokens.create(others[index % 8]!, { manager, limit: null });
      }),
    );
    expect(made).toHaveLength(40);
  });
});

async function otherManager(): Promise<EntityManager> {
  return new DataSource({ type: 'better-sqlite3', database: ':memory:' }).manager;
}

/** Inserts tokens of John. Does not use the service, to be faster. */
async function fill({ rows, john }: TestApp, total: number): Promise<void> {
  const all = Array.from({ length: total }, (_, index) => ({
    digest: index.toString(16).padStart(128, '0'),
    tokenKey: 'filled',
    user: john,
    created: new Date(),
    expiry: null,
    ttl: null,
  }));
  for (let first = 0; first < total; first += 500) await rows.insert(all.slice(first, first + 500));
}
