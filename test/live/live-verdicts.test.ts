import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import {
  AfterLoad,
  Column,
  DeleteDateColumn,
  Entity,
  JoinTable,
  ManyToMany,
  PrimaryGeneratedColumn,
} from 'typeorm';
import type { KnoxModuleOptions } from '../../lib/index.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { DATABASES } from '../support/databases.ts';
import { SqlLog } from '../support/sql-log.ts';
import { ownerTokenOf } from '../support/owner-tokens.ts';
import { endOf, INTERVAL_MS, liveOf, withLive } from './live-app.ts';

abstract class Person {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ type: 'varchar', length: 20 })
  name!: string;
}

/** Can be soft-deleted. */
@Entity('leaver')
class Leaver extends Person {
  @DeleteDateColumn()
  leftAt!: Date | null;
}

/** Its column is computed from another one. */
@Entity('listening')
class Listening extends Person {
  isActive!: boolean;

  @AfterLoad()
  decide(): void {
    this.isActive = this.name !== 'out';
  }
}

@Entity('role')
class Role {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ type: 'varchar', length: 20 })
  name!: string;
}

@Entity('member')
class Member extends Person {
  @ManyToMany(() => Role)
  @JoinTable()
  roles!: Role[];
}

const isListed = async (user: any) => user.name !== 'out';
const isMember = ({ roles }: any) => roles.some(({ name }: Role) => name === 'member');

const rename = (test: TestApp, owner: new () => Person, name: string) =>
  test.dataSource.getRepository(owner).createQueryBuilder().update().set({ name }).execute();

/** How a good user is made one that a request refuses. */
const CASES: [string, new () => Person, KnoxModuleOptions, (test: TestApp) => Promise<unknown>][] =
  [
    [
      'a soft-deleted user',
      Leaver,
      {},
      (test) => test.dataSource.getRepository(Leaver).softDelete({ name: 'in' }),
    ],
    [
      'a hook that looks at the user',
      Leaver,
      { isUserActive: isListed },
      (test) => rename(test, Leaver, 'out'),
    ],
    [
      'a hook that looks at a listener’s work',
      Listening,
      { isUserActive: (user) => (user as Listening).isActive },
      (test) => rename(test, Listening, 'out'),
    ],
    [
      'a hook that looks at relations',
      Member,
      { isUserActive: isMember, userRelations: ['roles'] },
      (test) => test.dataSource.query('DELETE FROM member_roles_role'),
    ],
  ];

describe.each(DATABASES)('LiveTokens, on %s,', (database) => {
  it.each(CASES)('gives the verdict of a request: %s', async (_, owner, knox, refuse) => {
    const tokenEntity = ownerTokenOf<Person>(() => owner);
    const test = await startApp(
      withLive({
        database,
        entities: [owner, tokenEntity, Role],
        knox: { ...knox, tokenEntity },
      }),
    );
    try {
      const owners = test.dataSource.getRepository(owner);
      const roles = [await test.dataSource.getRepository(Role).save({ name: 'member' })];
      const users = owners.create([
        { name: 'in', roles },
        { name: 'in', roles },
      ] as object[]);
      const [user] = await owners.save(users);
      const { token, authToken } = await test.tokens.create(user as never);
      const watch = liveOf(test).watch(authToken);
      await sleep(3 * INTERVAL_MS);
      expect(watch.signal.aborted).toBe(false);
      await refuse(test);
      const code = await endOf(watch);
      const refusal = test.tokens.authenticate(token);
      await expect(refusal).rejects.toMatchObject({ code });
      expect(code).toBe('user_inactive');
    } finally {
      await test.close();
    }
  });

  it.each([
    ['the past', '1000'],
    ['past all dates', '8640000000000001'],
  ])('gives the verdict of a request: an expiry in %s', async (_, literal) => {
    const test = await startApp(withLive({ database }));
    try {
      const { token, authToken } = await test.tokens.create(test.john);
      const watch = liveOf(test).watch(authToken);
      await test.dataSource.query(`UPDATE knox_auth_token SET expiry = ${literal}`);
      expect(await endOf(watch)).toBe('invalid_token');
      await expect(test.tokens.authenticate(token)).rejects.toMatchObject({
        code: 'invalid_token',
      });
    } finally {
      await test.close();
    }
  });
});

describe('LiveTokens', () => {
  let test: TestApp;
  let fails = new Set<string>();
  const asked: string[] = [];
  beforeAll(async () => {
    const isUserActive = (user: { username: string }) => {
      asked.push(user.username);
      if (fails.has(user.username)) throw new Error('The hook is broken.');
      return true;
    };
    test = await startApp(
      withLive(
        { knox: { isUserActive } },
        {
          interval: INTERVAL_MS,
          failAfter: '1500ms',
        },
      ),
    );
  });
  afterAll(() => test.close());

  it('closes a token for which the hook fails after failAfter, and no other', async () => {
    const john = liveOf(test).watch((await test.tokens.create(test.john)).authToken);
    const jane = liveOf(test).watch((await test.tokens.create(test.jane)).authToken);
    fails = new Set(['john.doe']);
    expect(await endOf(john)).toBe('unavailable');
    expect(john.signal.reason).toMatchObject({ cause: { message: 'The hook is broken.' } });
    expect(jane.signal.aborted).toBe(false);
    jane.release();
    fails = new Set();
  });

  it('writes nothing, and sends no event', async () => {
    const { authToken } = await test.tokens.create(test.john, { ttl: 300 });
    const watch = liveOf(test).watch(authToken);
    const sql = new SqlLog(test.dataSource);
    expect(await endOf(watch)).toBe('invalid_token');
    await sleep(100);
    expect(sql.writes).toEqual([]);
    expect(await test.rows.countBy({ digest: authToken.digest })).toBe(1);
  });
});
