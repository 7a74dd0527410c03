import { EventEmitter2, EventEmitterModule } from '@nestjs/event-emitter';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { EntityManager } from 'typeorm';
import { TokenCreatedEvent, type CreateTokenOptions, type IssuedToken } from '../../lib/index.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { DATABASES } from '../support/databases.ts';
import { ERRORS } from '../support/errors.ts';
import type { User } from '../support/users.ts';

class Rollback extends Error {}

describe.each(DATABASES)('TokenService.create in the app’s transaction on %s', (database) => {
  let test: TestApp;
  const created: TokenCreatedEvent[] = [];
  beforeAll(async () => {
    test = await startApp({ database, imports: [EventEmitterModule.forRoot()] });
    test.app
      .get(EventEmitter2)
      .on(TokenCreatedEvent.eventName, (event: TokenCreatedEvent) => created.push(event));
  });
  afterAll(() => test.close());
  beforeEach(() => {
    created.length = 0;
  });
  afterEach(async () => {
    await test.rows.deleteAll();
    await test.users.delete({ username: 'new' });
  });

  const transaction = <T>(work: (manager: EntityManager) => Promise<T>) =>
    test.dataSource.transaction(work);
  const make = (manager: EntityManager, user: User = test.john, options?: CreateTokenOptions) =>
    test.tokens.create(user, { ...options, manager });
  const signUp = (manager: EntityManager) => {
    const users = manager.withRepository(test.users);
    return users.save(users.create({ username: 'new', password: 'x', isActive: true }));
  };
  const rollingBack = (work: (manager: EntityManager) => Promise<unknown>) =>
    expect(
      transaction(async (manager) => {
        await work(manager);
        throw new Rollback();
      }),
    ).rejects.toThrow(Rollback);
  const createdTokens = () => created.map(({ authToken }) => authToken.digest);
  const storedTokens = async () => (await test.rows.find()).map(({ digest }) => digest).sort();
  const digests = (...issued: IssuedToken[]) => issued.map(({ authToken }) => authToken.digest);

  it('saves the token with the user it signs up, and sends its event after the commit', async () => {
    const issued = await transaction(async (manager) => {
      const made = await make(manager, await signUp(manager));
      expect(created).toEqual([]);
      return made;
    });
    expect(createdTokens()).toEqual(digests(issued));
    expect(created[0]?.authToken).toBe(issued.authToken);
    const { user } = await test.tokens.authenticate(issued.token);
    expect(user).toMatchObject({ username: 'new' });
  });

  it('finds a user by its key that only this transaction knows', async () => {
    const { token } = await transaction(async (manager) => {
      const { id } = await signUp(manager);
      return make(manager, { id } as User);
    });
    expect((await test.tokens.authenticate(token)).user).toMatchObject({ username: 'new' });
  });

  it('leaves no token and sends no event where the transaction rolls back', async () => {
    await rollingBack(async (manager) => make(manager, await signUp(manager)));
    await transaction(async (manager) => manager.count('User'));
    expect(created).toEqual([]);
    expect(await storedTokens()).toEqual([]);
  });

  it('sends the event after an earlier transaction with an event rolled back', async () => {
    await rollingBack((manager) => make(manager));
    const issued = await transaction((manager) => make(manager));
    expect(createdTokens()).toEqual(digests(issued));
    expect(await storedTokens()).toEqual(digests(issued));
  });

  it('sends the event of a savepoint after the outermost commit', async () => {
    const issued = await transaction(async (manager) => {
      const made = await manager.transaction((inner) => make(inner));
      expect(created).toEqual([]);
      return made;
    });
    expect(createdTokens()).toEqual(digests(issued));
    expect(await storedTokens()).toEqual(digests(issued));
  });

  it('keeps the token of a savepoint if another savepoint rolls back', async () => {
    const kept = await transaction(async (manager) => {
      const before = await make(manager);
      const first = await manager.transaction((inner) => make(inner));
      const undone = manager.transaction(async (inner) => {
        await make(inner);
        await inner.transaction((innermost) => make(innermost));
        throw new Rollback();
      });
      await expect(undone).rejects.toThrow(Rollback);
      return [before, first, await make(manager)];
    });
    expect(createdTokens()).toEqual(digests(...kept));
    expect(await storedTokens()).toEqual(digests(...kept).sort());
  });

  it('deletes the token of a released savepoint if the transaction rolls back', async () => {
    await rollingBack((manager) => manager.transaction((inner) => make(inner)));
    expect(created).toEqual([]);
    expect(await storedTokens()).toEqual([]);
  });

  it('counts the tokens that this transaction has made against the limit', async () => {
    await transaction(async (manager) => {
      await make(manager, test.john, { limit: 1 });
      await expect(make(manager, test.john, { limit: 1 })).rejects.toMatchObject({
        response: ERRORS.limitExceeded,
      });
    });
    expect(await storedTokens()).toHaveLength(1);
  });

  it('gives an inactive user none, and leaves the transaction usable', async () => {
    await transaction(async (manager) => {
      const user = await signUp(manager);
      await manager.update(test.users.target, user.id, { isActive: false });
      await expect(make(manager, { id: user.id } as User)).rejects.toMatchObject({
        response: ERRORS.userInactive,
      });
    });
    expect(await test.users.countBy({ username: 'new', isActive: false })).toBe(1);
    expect(await storedTokens()).toEqual([]);
  });

  it('sends the event at once where the manager is in no transaction', async () => {
    const issued = await make(test.dataSource.manager);
    expect(createdTokens()).toEqual(digests(issued));
    expect(await storedTokens()).toEqual(digests(issued));
  });

  it('works on a query runner that the app drives itself', async () => {
    const runner = test.dataSource.createQueryRunner();
    try {
      await runner.startTransaction();
      await make(runner.manager);
      await runner.rollbackTransaction();
      await runner.startTransaction();
      const issued = await make(runner.manager);
      expect(created).toEqual([]);
      await runner.commitTransaction();
      expect(createdTokens()).toEqual(digests(issued));
      expect(await storedTokens()).toEqual(digests(issued));
    } finally {
      await runner.release();
    }
  });
});
