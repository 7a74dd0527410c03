import { describe, expect, it } from '@jest/globals';
import {
  AfterLoad,
  ChildEntity,
  Column,
  Entity,
  ManyToOne,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  TableInheritance,
  type PrimaryColumnOptions,
} from 'typeorm';
import type { AbstractAuthToken } from '../../lib/index.ts';
import { DATABASES } from '../support/databases.ts';
import { describeOn } from '../support/describe-on.ts';
import { ERRORS } from '../support/errors.ts';
import type { OwnerApp } from '../support/owner-app.ts';
import { ownerTokenOf, withOwners } from '../support/owner-tokens.ts';

const invalid = { response: ERRORS.invalidToken };

describeOn(['postgres'], 'on %s', (name) => {
  const COLUMNS: [string, PrimaryColumnOptions, string[]][] = [
    ['citext', { type: 'citext' }, ['ada', 'Ada', 'ADA', 'aDA']],
    ['char(10)', { type: 'char', length: 10 }, ['ada', 'ada ', 'ada  ', 'ada   ']],
  ];

  it.each(COLUMNS)('spellings of one %s key share one limit', async (_, column, spellings) => {
    @Entity('owner')
    class Owner {
      @PrimaryColumn(column) username!: string;
    }
    await withOwners(name, Owner, {}, async ({ tokens, dataSource }) => {
      await dataSource.getRepository(Owner).insert({ username: 'ada' });
      for (let round = 0; round < 10; round++) {
        const logins = Array.from({ length: 24 }, (_, index) => {
          const username = spellings[index % spellings.length]!;
          return tokens.create(Object.assign(new Owner(), { username }), { limit: 5 });
        });
        const made = (await Promise.allSettled(logins)).flatMap((login) =>
          login.status === 'fulfilled' ? login.value : [],
        );
        expect(made).toHaveLength(5);
        for (const { token } of made) {
          expect((await tokens.authenticate(token)).user).toBeInstanceOf(Owner);
        }
        const ada = Object.assign(new Owner(), { username: spellings[1]! });
        expect(await tokens.list(ada)).toHaveLength(5);
        expect(await tokens.revokeAll(ada)).toBe(5);
      }
    });
  });
});

describe.each(DATABASES)('on %s', (name) => {
  it.each([
    ['', false],
    [', if TypeORM hydrates it', true],
  ])('an owner whose key is written in another case is another owner%s', async (_, hasListener) => {
    @Entity('owner')
    class Owner {
      @PrimaryColumn({ type: 'varchar', length: 40 }) username!: string;
      listen(): void {}
    }
    if (hasListener) AfterLoad()(Owner.prototype, 'listen');
    const tokenEntity = ownerTokenOf(() => Owner, { hasForeignKey: false });
    const run = async ({ tokens, dataSource }: OwnerApp<AbstractAuthToken>): Promise<void> => {
      const owners = dataSource.getRepository(Owner);
      const ada = await owners.save(owners.create({ username: 'ada' }));
      const old = [await tokens.create(ada), await tokens.create(ada)];
      await owners.update({ username: 'ada' }, { username: 'Ada' });
      const renamed = await owners.findOneByOrFail({ username: 'Ada' });
      for (const { token } of old)
        await expect(tokens.authenticate(token)).rejects.toMatchObject(invalid);
      const limit = { limit: 2 };
      const { token } = await tokens.create(renamed, limit);
      await tokens.create(renamed, limit);
      await expect(tokens.create(renamed, limit)).rejects.toMatchObject({ status: 403 });
      expect(await tokens.revokeAll(renamed)).toBe(2);
      await expect(tokens.authenticate(token)).rejects.toMatchObject(invalid);
    };
    await withOwners(name, Owner, { tokenEntity }, run);
  });

  it('an owner that is no longer of its class is no owner', async () => {
    @Entity('person')
    @TableInheritance({ column: { type: 'varchar', length: 20, name: 'kind' } })
    class Person {
      @PrimaryGeneratedColumn() id!: number;
      @Column({ type: 'varchar', length: 40 }) username!: string;
    }
    @ChildEntity('staff')
    class Staff extends Person {}
    @ChildEntity('boss')
    class Boss extends Staff {}
    @ChildEntity('customer')
    class Customer extends Person {}
    const entities = [Person, Boss, Customer];
    await withOwners(name, Staff, { entities }, async ({ tokens, dataSource }) => {
      const ada = await dataSource.getRepository(Staff).save({ username: 'ada' });
      const bob = await dataSource.getRepository(Boss).save({ username: 'bob' });
      const { token } = await tokens.create(ada);
      const boss = await tokens.create(bob);
      expect((await tokens.authenticate(token)).user).toBeInstanceOf(Staff);
      await dataSource.query(`UPDATE person SET kind = 'customer' WHERE username = 'ada'`);
      await expect(tokens.authenticate(token)).rejects.toMatchObject(invalid);
      await expect(tokens.create(ada)).rejects.toMatchObject({ response: ERRORS.userInactive });
      expect((await tokens.authenticate(boss.token)).user).toBeInstanceOf(Boss);
    });
  });

  it('a broken reference of an own column is a fault, and the user is not called inactive', async () => {
    @Entity('device')
    class Device {
      @PrimaryColumn({ type: 'int' }) id!: number;
    }
    @Entity('owner')
    class Owner {
      @PrimaryGeneratedColumn() id!: number;
      @Column({ type: 'varchar', length: 40 }) username!: string;
    }
    const tokenEntity = ownerTokenOf(() => Owner);
    ManyToOne(() => Device)(tokenEntity.prototype, 'device');
    const run = async ({ tokens, dataSource }: OwnerApp<AbstractAuthToken>): Promise<void> => {
      const ada = await dataSource.getRepository(Owner).save({ username: 'ada' });
      const columns = { device: { id: 999 } } as object;
      const fault = { response: ERRORS.unavailable };
      await expect(tokens.create(ada, { columns })).rejects.toMatchObject(fault);
      const inTransaction = dataSource.transaction((manager) =>
        tokens.create(ada, { columns, manager }),
      );
      await expect(inTransaction).rejects.toMatchObject(fault);
      await expect(tokens.create({ id: 7 })).rejects.toMatchObject({ status: 401 });
    };
    await withOwners(name, Owner, { entities: [Device], tokenEntity }, run);
  });
});
