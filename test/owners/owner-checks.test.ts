import type { Type } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Column,
  Entity,
  JoinColumn,
  ManyToOne,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  type PrimaryColumnOptions,
  type ValueTransformer,
} from 'typeorm';
import { AbstractAuthToken, AuthToken, KnoxConfigError } from '../../lib/index.ts';
import { checkOwnerName } from '../../lib/entities/owner-name.check.ts';
import { DATABASES } from '../support/databases.ts';
import { ownerTokenOf, withOwners } from '../support/owner-tokens.ts';
import {
  closeModules,
  knox,
  memoryDatabase,
  startError,
  startModule,
} from '../support/test-module.ts';

afterEach(closeModules);

type Entities = [token: Type<AbstractAuthToken>, ...others: Type<object>[]];

const errorWith = ([tokenEntity, ...others]: Entities): Promise<Error> =>
  startError({
    imports: [memoryDatabase({ entities: [tokenEntity, ...others] }), knox({ tokenEntity })],
  });

function memberWithKey(key: PrimaryColumnOptions): Type<object> {
  @Entity('member')
  class Member {
    id!: unknown;
    @Column({ type: 'varchar', nullable: true }) username!: string;
  }
  PrimaryColumn(key)(Member.prototype, 'id');
  return Member;
}

const HEX: ValueTransformer = {
  to: (value?: string) => value && Buffer.from(value, 'hex'),
  from: (value?: Buffer) => value?.toString('hex'),
};

describe('the start is stopped', () => {
  it.each<PrimaryColumnOptions>([
    { type: 'blob' },
    { type: 'blob', transformer: HEX },
    { type: 'double' },
    { type: 'datetime' },
    { type: Boolean },
    { type: Date },
  ])('by an owner whose key is $type', async (key) => {
    const Member = memberWithKey(key);
    const error = await errorWith([ownerTokenOf(() => Member), Member]);
    expect(error).toBeInstanceOf(KnoxConfigError);
    expect(error.message).toMatch(
      /option "tokenEntity": OwnerToken refers to Member\.id, a key of type \w+, .*; use an integer/,
    );
  });

  it('by an owner whose manager, loaded eagerly, is an owner too', async () => {
    @Entity('member')
    class Member {
      @PrimaryGeneratedColumn() id!: number;
      @ManyToOne(() => Member, { eager: true }) manager!: unknown;
    }
    const error = await errorWith([ownerTokenOf(() => Member), Member]);
    expect(error).toBeInstanceOf(KnoxConfigError);
    expect(error.message).toMatch(
      /option "tokenEntity": the eager relations Member\.manager → Member\.manager go round .* eager: false/,
    );
  });

  it('by eager relations that come back to the owner', async () => {
    @Entity('member')
    class Member {
      @PrimaryGeneratedColumn() id!: number;
      @ManyToOne('Team', { eager: true }) team!: unknown;
    }
    @Entity('team')
    class Team {
      @PrimaryGeneratedColumn() id!: number;
      @ManyToOne(() => Member, { eager: true }) lead!: unknown;
    }
    const error = await errorWith([ownerTokenOf(() => Member), Member, Team]);
    expect(error.message).toContain(
      'the eager relations Member.team → Team.lead → Member.team go round in a circle',
    );
  });

  it.each([
    ['two entity classes named User', 'User', 'admins'],
    ['a class named User and a table of that name', 'Admin', 'User'],
  ])('by %s', async (_, className, table) => {
    const make = (name: string, tableName: string): Type<object> => {
      class Owner {
        @PrimaryGeneratedColumn() id!: number;
      }
      Object.defineProperty(Owner, 'name', { value: name });
      Entity(tableName)(Owner);
      return Owner;
    };
    const error = await errorWith([AuthToken, make('User', 'customers'), make(className, table)]);
    expect(error).toBeInstanceOf(KnoxConfigError);
    expect(error.message).toMatch(
      /option "tokenEntity": AuthToken belongs to the entity named User, .* has 2 of that name; give a tokenEntity/,
    );
  });
});

describe('an owner', () => {
  /** A UUID whose bytes are no text. */
  const KEY = 'ff0a80c3fe28417b8a0fc0ffee00dd99';

  describe.each(DATABASES)('on %s whose key is made of bytes', (name) => {
    it.each([false, true])('logs in and out (with an eager relation: %s)', async (isEager) => {
      const type = { sqlite: 'blob', postgres: 'bytea', mariadb: 'binary' } as const;
      const length = name === 'mariadb' ? 16 : undefined;
      const key: PrimaryColumnOptions = { type: type[name], length, transformer: HEX };
      @Entity('company')
      class Company {
        @PrimaryGeneratedColumn() id!: number;
      }
      const Member = memberWithKey(key);
      ManyToOne(() => Company, { eager: isEager, nullable: true })(Member.prototype, 'company');
      // Its tokens have a column with the same transformer.
      const tokenEntity = ownerTokenOf(() => Member, { join: key });
      const options = { tokenEntity, entities: [Company] };
      await withOwners(name, Member, options, async ({ client, dataSource, login, tokens }) => {
        const company = await dataSource.getRepository(Company).save({});
        const members = dataSource.getRepository(Member);
        await members.save({ id: KEY, username: 'john', company } as object);
        const other = `${KEY.slice(0, -2)}98`;
        await members.save({ id: other, username: 'jane' } as object);
        const [token, janes] = [await login('john'), await login('jane')];
        const { body } = await client.get('/owner', { token });
        expect(body.id).toBe(KEY);
        expect(body.company).toEqual(isEager ? { id: company.id } : undefined);
        const john = await members.findOneByOrFail({ username: 'john' });
        expect(await tokens.list(john)).toHaveLength(1);
        await expect(tokens.create(john, { limit: 1 })).rejects.toMatchObject({ status: 403 });
        expect((await client.post('/auth/logoutall', { token })).status).toBe(204);
        expect((await client.get('/owner', { token })).status).toBe(401);
        expect((await client.get('/owner', { token: janes })).body.id).toBe(other);
      });
    });
  });

  it('may have eager relations to one entity by two ways', async () => {
    @Entity('country')
    class Country {
      @PrimaryGeneratedColumn() id!: number;
    }
    @Entity('member')
    class Member {
      @PrimaryGeneratedColumn() id!: number;
      @ManyToOne(() => Country, { eager: true }) home!: unknown;
      @ManyToOne(() => Country, { eager: true }) birthplace!: unknown;
    }
    const tokenEntity = ownerTokenOf(() => Member);
    await startModule({
      imports: [
        memoryDatabase({ entities: [tokenEntity, Member, Country] }),
        knox({ tokenEntity }),
      ],
    });
  });
});

describe('checkOwnerName', () => {
  it('names the cause where a bundler has renamed the owner', async () => {
    @Entity('renamed_owner')
    class Owner2 {
      @PrimaryGeneratedColumn() id!: number;
    }
    @Entity('renamed_owner_token')
    class OwnerToken extends AbstractAuthToken {
      @ManyToOne('Owner', { nullable: false })
      @JoinColumn({ name: 'user_id' })
      user!: object;
    }
    const error = await errorWith([OwnerToken, Owner2]);
    expect(error).toBeInstanceOf(KnoxConfigError);
    expect(error.message).toMatch(
      /option "tokenEntity": OwnerToken belongs to the entity class named Owner, and there is none; there are .*Owner2.*keepNames/,
    );
  });

  it('lets a relation be that names a class, or a table', () => {
    @Entity('keepers')
    class Keeper {
      @PrimaryGeneratedColumn() id!: number;
    }
    @Entity('keeper_token')
    class KeeperToken extends AbstractAuthToken {
      @ManyToOne('keepers', { nullable: false })
      @JoinColumn({ name: 'user_id' })
      user!: object;
    }
    expect(() => checkOwnerName(KeeperToken)).not.toThrow();
    expect(() => checkOwnerName(ownerTokenOf(() => Keeper))).not.toThrow();
  });
});
