import type { Type } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Column,
  Entity,
  JoinColumn,
  ManyToOne,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  type ColumnOptions,
  type PrimaryColumnOptions,
  type ValueTransformer,
} from 'typeorm';
import { AbstractAuthToken, AuthToken, KnoxConfigError } from '../../lib/index.ts';
import { checkOwnerName } from '../../lib/entities/owner-name.check.ts';
import { createDatabase, type DatabaseName } from '../support/databases.ts';
import {
  closeModules,
  knox,
  memoryDatabase,
  startError,
  startModule,
} from '../support/test-module.ts';
import { startOwnerApp } from '../support/owner-app.ts';

afterEach(closeModules);

type Entities = [token: Type<AbstractAuthToken>, ...others: Type<object>[]];

const errorWith = ([tokenEntity, ...others]: Entities): Promise<Error> =>
  startError({
    imports: [memoryDatabase({ entities: [tokenEntity, ...others] }), knox({ tokenEntity })],
  });

function tokenOf(owner: () => Type<object>, join: ColumnOptions | null = null) {
  @Entity('member_token')
  class MemberToken extends AbstractAuthToken {
    @ManyToOne(owner, { nullable: false })
    @JoinColumn({ name: 'user_id' })
    user!: object;
  }
  if (join) Column({ ...join, name: 'user_id' })(MemberToken.prototype, 'userId');
  return MemberToken;
}

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
    const error = await errorWith([tokenOf(() => Member), Member]);
    expect(error).toBeInstanceOf(KnoxConfigError);
    expect(error.message).toMatch(
      /option "tokenEntity": MemberToken refers to Member\.id, a key of type \w+, .*; use an integer/,
    );
  });

  it('by an owner whose manager, loaded eagerly, is an owner too', async () => {
    @Entity('member')
    class Member {
      @PrimaryGeneratedColumn() id!: number;
      @ManyToOne(() => Member, { eager: true }) manager!: unknown;
    }
    const error = await errorWith([tokenOf(() => Member), Member]);
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
    const error = await errorWith([tokenOf(() => Member), Member, Team]);
    expect(error.message).toContain(
      'the eager relations Member.team → Team.lead → Member.team go round in a circle',
    );
  });

  it('by two entity classes named User', async () => {
    const makeUser = (table: string): Type<object> => {
      @Entity(table)
      class User {
        @PrimaryGeneratedColumn() id!: number;
      }
      return User;
    };
    const error = await errorWith([AuthToken, makeUser('customers'), makeUser('admins')]);
    expect(error).toBeInstanceOf(KnoxConfigError);
    expect(error.message).toMatch(
      /option "tokenEntity": AuthToken belongs to the entity named User, .* has 2 of that name; give a tokenEntity/,
    );
  });
});

describe('an owner', () => {
  it.each<DatabaseName>(['sqlite', 'mariadb'])(
    'on %s whose key is made of bytes logs in, if its tokens have a column with the same transformer',
    async (name) => {
      const type = name === 'sqlite' ? 'blob' : 'binary';
      const key: PrimaryColumnOptions = {
        type,
        length: name === 'sqlite' ? undefined : 4,
        transformer: HEX,
      };
      const Member = memberWithKey(key);
      const MemberToken = tokenOf(() => Member, key);
      const database = await createDatabase(name);
      const test = await startOwnerApp({
        dataSource: { ...database.options, entities: [Member, MemberToken] },
        owner: Member,
        knox: { tokenEntity: MemberToken },
      });
      await test.dataSource.getRepository(Member).save({ id: '0a0b0c0d', username: 'john' });
      const token = await test.login('john');
      expect((await test.client.get('/owner', { token })).body.id).toBe('0a0b0c0d');
      await test.close();
      await database.drop();
    },
  );

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
    const MemberToken = tokenOf(() => Member);
    await startModule({
      imports: [
        memoryDatabase({ entities: [MemberToken, Member, Country] }),
        knox({ tokenEntity: MemberToken }),
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
    expect(() => checkOwnerName(tokenOf(() => Keeper))).not.toThrow();
  });
});
