import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  Column,
  Entity,
  JoinColumn,
  JoinTable,
  ManyToMany,
  ManyToOne,
  PrimaryGeneratedColumn,
  RelationId,
  type EntitySubscriberInterface,
  type QueryRunner,
} from 'typeorm';
import { AbstractAuthToken } from '../../lib/index.ts';
import { createDatabase, DATABASES, type TestDatabase } from '../support/databases.ts';
import { maxEventLoopDelay } from '../support/event-loop-delay.ts';
import { startOwnerApp, type OwnerApp } from '../support/owner-app.ts';
import { SqlLog } from '../support/sql-log.ts';

@Entity('permission')
class Permission {
  @PrimaryGeneratedColumn() id!: number;
}

@Entity('role')
class Role {
  @PrimaryGeneratedColumn() id!: number;
  @Column({ type: 'varchar', length: 20 }) name!: string;
  @ManyToMany(() => Permission, { cascade: true })
  @JoinTable({ name: 'role_permissions' })
  permissions!: Permission[];
  @RelationId((role: Role) => role.permissions) permissionIds!: number[];
}

@Entity('team')
class Team {
  @PrimaryGeneratedColumn() id!: number;
  @Column({ type: 'varchar', length: 20 }) name!: string;
}

/** It has no code, so that TypeORM may hydrate many in one pass. */
@Entity('member')
class Member {
  @PrimaryGeneratedColumn() id!: number;
  @Column({ type: 'varchar', length: 20 }) username!: string;
  @Column({ type: 'boolean' }) isActive!: boolean;
  @Column({ type: 'simple-json' }) settings!: object;
  @ManyToMany(() => Role) @JoinTable({ name: 'member_roles' }) roles!: Role[];
  @RelationId((member: Member) => member.roles) roleIds!: number[];
  @ManyToOne(() => Team, { lazy: true }) team!: Promise<Team>;
}

@Entity('member_token')
class MemberToken extends AbstractAuthToken<Member> {
  @ManyToOne(() => Member, { onDelete: 'CASCADE', nullable: false })
  @JoinColumn({ name: 'user_id' })
  user!: Member;
}

const ENTITIES = [Member, MemberToken, Permission, Role, Team];

/** Remembers on which runner each statement was sent. */
class RunnerLog extends SqlLog {
  readonly runners: (QueryRunner | undefined)[] = [];

  override logQuery(query: string, _parameters?: unknown[], runner?: QueryRunner): void {
    super.logQuery(query);
    this.runners.push(runner);
  }
}

describe.each(DATABASES)('batches of entities on %s', (name) => {
  let database: TestDatabase;
  let test: OwnerApp<MemberToken>;
  let log: RunnerLog;
  let members: Member[];
  let raw: string[];
  beforeAll(async () => {
    database = await createDatabase(name);
    test = await startOwnerApp<MemberToken>({
      dataSource: { ...database.options, entities: ENTITIES },
      owner: Member,
      knox: { tokenEntity: MemberToken, userRelations: ['roles'] },
    });
    const { dataSource, tokens } = test;
    const roles = await dataSource.getRepository(Role).save([
      { name: 'a', permissions: [{}] },
      { name: 'b', permissions: [] },
    ]);
    const team = await dataSource.getRepository(Team).save({ name: 'core' });
    const repository = dataSource.getRepository(Member);
    const values = Array.from({ length: 100 }, (_, index) => ({
      username: `user${String(index)}`,
      isActive: true,
      settings: { index },
      roles,
    }));
    members = await repository.save(repository.create(values));
    await dataSource.createQueryBuilder().relation(Member, 'team').of(members).set(team);
    const issued = await Promise.all(members.map((member) => tokens.create(member)));
    raw = issued.map(({ token }) => token);
    log = new RunnerLog(dataSource);
  });
  beforeEach(() => {
    log.clear();
    log.runners.length = 0;
  });
  afterAll(async () => {
    await test.close();
    await database.drop();
  });

  const userOf = async (token: string) => (await test.tokens.authenticate(token)).user;

  it('are one statement for 25 tokens, and one for each of their relation ids', async () => {
    const users = await Promise.all(raw.map(userOf));
    expect(users.map(({ username }) => username)).toEqual(members.map(({ username }) => username));
    expect(users.map(({ settings }) => settings)).toEqual(raw.map((_, index) => ({ index })));
    for (const { roleIds } of users) expect([...roleIds].sort()).toEqual([1, 2]);
    expect(log.statements).toHaveLength(4 * 3);
  });

  it('are hydrated once more for the second request of each token, which gets its own user', async () => {
    const tokens = raw.slice(0, 10);
    const users = await Promise.all([...tokens, ...tokens].map(userOf));
    expect(new Set(users).size).toBe(20);
    expect(new Set(users.map(({ settings }) => settings)).size).toBe(20);
    expect(new Set(users.map(({ roleIds }) => roleIds)).size).toBe(20);
    expect(log.statements).toHaveLength(1 + 2 * 2);
  });

  it('share no relation ids, even if tokens are of one user and users have the same roles', async () => {
    const second = await test.tokens.create(members[0]!);
    const users = await Promise.all([raw[0]!, second.token, raw[1]!].map(userOf));
    const ids = users.flatMap(({ roleIds, roles }) => [
      roleIds,
      ...roles.map(({ permissionIds }) => permissionIds),
    ]);
    expect(ids).toHaveLength(9);
    expect(new Set(ids).size).toBe(9);
    expect(users.flatMap(({ roles }) => roles[0]!.permissionIds)).toEqual([1, 1, 1]);
  });

  it('fail only the lookups of a row that can’t be hydrated', async () => {
    const { id } = members[1]!;
    const set = (settings: string) =>
      test.dataSource.query(`UPDATE member SET settings = '${settings}' WHERE id = ${String(id)}`);
    await set('{');
    try {
      const outcomes = await Promise.allSettled(raw.slice(0, 5).map(userOf));
      const failed = outcomes.map(({ status }) => status === 'rejected');
      expect(failed).toEqual([false, true, false, false, false]);
    } finally {
      await set('{}');
    }
  });

  it('load a lazy relation later, on a connection of the application’s', async () => {
    const user = await userOf(raw[0]!);
    expect('__team__' in user).toBe(false);
    log.runners.length = 0;
    expect((await user.team).name).toBe('core');
    expect(log.runners.length).toBeGreaterThan(0);
    for (const runner of log.runners as (QueryRunner & { driver: unknown })[]) {
      expect(runner.driver).toBe(test.dataSource.driver);
    }
  });

  it('give a subscriber an entity manager, which it may query by', async () => {
    const counts = new WeakMap<object, number>();
    const subscriber: EntitySubscriberInterface<Member> = {
      listenTo: () => Member,
      afterLoad: async (member, event) => {
        counts.set(member, await event!.manager.count(Team));
      },
    };
    const { subscribers } = test.dataSource;
    subscribers.push(subscriber);
    try {
      const users = await Promise.all([...raw.slice(0, 5), raw[0]!].map(userOf));
      expect(users.map((user) => counts.get(user))).toEqual(Array(6).fill(1));
      for (const { roleIds } of users) expect([...roleIds].sort()).toEqual([1, 2]);
    } finally {
      subscribers.splice(subscribers.indexOf(subscriber), 1);
    }
  });
});

describe('a user with a large JSON column', () => {
  it('does not stop the event loop by parallel requests of one token', async () => {
    const database = await createDatabase('sqlite');
    const test = await startOwnerApp<MemberToken>({
      dataSource: { ...database.options, entities: ENTITIES },
      owner: Member,
      knox: { tokenEntity: MemberToken, authTimeout: 60_000 },
    });
    try {
      const repository = test.dataSource.getRepository(Member);
      const settings = Array.from({ length: 20_000 }, (_, index) => ({ index, text: 'text' }));
      const values = { username: 'eve', isActive: true, settings };
      const { token } = await test.tokens.create(await repository.save(repository.create(values)));
      const begun = performance.now();
      const longest = await maxEventLoopDelay(() =>
        Promise.all(Array.from({ length: 100 }, () => test.tokens.authenticate(token))),
      );
      expect(longest).toBeLessThan((performance.now() - begun) / 4);
    } finally {
      await test.close();
      await database.drop();
    }
  });
});
