import { EventEmitter, once } from 'node:events';
import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { startApp, type TestApp } from '../support/app.ts';
import { describeOnServers } from '../support/describe-on.ts';
import { User } from '../support/users.ts';

// Not SQLite: TypeORM cannot run transactions in parallel there.
describeOnServers('the limit in transactions of the application on %s', (database) => {
  let test: TestApp;
  beforeEach(async () => {
    test = await startApp({ database, knox: { tokenLimitPerUser: 1 } });
  });
  afterEach(() => test.close());

  it('holds even if each has read its snapshot before, at the server’s default level', async () => {
    const gate = new EventEmitter();
    const everyone = once(gate, 'open');
    let begun = 0;
    const outcomes = await Promise.allSettled(
      Array.from({ length: 8 }, () =>
        test.dataSource.transaction(async (manager) => {
          await manager.findOneBy(User, { id: test.john.id });
          if (++begun === 8) gate.emit('open');
          await everyone;
          return test.tokens.create(test.john, { manager });
        }),
      ),
    );
    const refused = outcomes.filter(({ status }) => status === 'rejected');
    expect(refused).toHaveLength(7);
    for (const outcome of refused) {
      expect(outcome).toMatchObject({ reason: { code: 'token_limit_exceeded' } });
    }
    expect(await test.rows.count()).toBe(1);
  });

  it('lets a hundred users sign up at once', async () => {
    const signUp = (username: string) =>
      test.dataSource.transaction(async (manager) => {
        const user = await manager.save(
          manager.create(User, { username, password: 'x', isActive: true }),
        );
        return test.tokens.create(user, { manager });
      });
    await Promise.all(Array.from({ length: 100 }, (_, index) => signUp(`user${String(index)}`)));
    expect(await test.rows.count()).toBe(100);
  });
});
