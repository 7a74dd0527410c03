import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';
import type { Type } from '@nestjs/common';
import {
  ChildEntity,
  Column,
  DataSource,
  Entity,
  JoinColumn,
  ManyToOne,
  PrimaryGeneratedColumn,
  TableInheritance,
} from 'typeorm';
import { AbstractDjangoAuthToken, djangoAuthToken, DjangoUser } from '../../lib/django/index.ts';
import { KnoxConfigError } from '../../lib/index.ts';
import { DATABASES, type TestDatabase } from '../support/databases.ts';
import { createDjangoDatabase, startDjangoApp, type DjangoAppOptions } from '../support/django.ts';

@Entity('knox_authtoken')
class CarelessToken extends djangoAuthToken(() => DjangoUser) {}

/** Without the password and most other columns of the table. */
abstract class FewColumns {
  @PrimaryGeneratedColumn({ name: 'id', type: 'int' })
  id!: number;

  @Column({ name: 'username', type: 'varchar', length: 150 })
  username!: string;

  @Column({ name: 'is_active', type: 'boolean' })
  isActive!: boolean;
}

@Entity('auth_user')
class CarelessUser extends FewColumns {}

@Entity('auth_user')
class NamedUser extends FewColumns {}

@Entity('auth_user')
class HandWrittenUser extends FewColumns {}

@Entity('auth_user')
@TableInheritance({ column: { name: 'first_name', type: 'varchar' } })
class Person extends FewColumns {}

@ChildEntity('')
class Staff extends Person {}

@Entity('auth_user')
class LateUser extends FewColumns {}

@Entity('auth_user')
class Beside extends FewColumns {}

const abstractToken = (owner: () => Type<object>): Type<object> => {
  @Entity({ name: 'knox_authtoken', synchronize: false })
  class HandWrittenToken extends AbstractDjangoAuthToken<object> {
    @ManyToOne(owner, { nullable: false })
    @JoinColumn({ name: 'user_id' })
    override user!: object;
  }
  return HandWrittenToken;
};

/** TypeORM takes a name as well as a function. */
@Entity({ name: 'knox_authtoken', synchronize: false })
class NamingToken extends AbstractDjangoAuthToken<NamedUser> {
  @ManyToOne('NamedUser', { nullable: false })
  @JoinColumn({ name: 'user_id' })
  override user!: NamedUser;
}

interface Case {
  readonly what: string;
  readonly owner: Type<object>;
  readonly token: Type<object>;
  readonly says: string;
  /** The entities of the owner, if they are several. */
  readonly owners?: Type<object>[];
}

const CASES: Case[] = [
  {
    what: 'a token entity',
    owner: DjangoUser,
    token: CarelessToken,
    says: "TypeORM would alter Django's table; write @Entity({ name: 'knox_authtoken', synchronize: false }).",
  },
  {
    what: 'the owner of a token entity that was made by djangoAuthToken',
    owner: CarelessUser,
    token: djangoAuthToken(() => CarelessUser),
    says: dropping('CarelessUser'),
  },
  {
    what: 'an owner that the relation names',
    owner: NamedUser,
    token: NamingToken,
    says: dropping('NamedUser'),
  },
  {
    what: 'the owner of a token entity that was written by hand',
    owner: HandWrittenUser,
    token: abstractToken(() => HandWrittenUser),
    says: dropping('HandWrittenUser'),
  },
  {
    what: 'an owner whose table its parent declares',
    owner: Staff,
    token: abstractToken(() => Staff),
    says: dropping('Person'),
    owners: [Person, Staff],
  },
];

function dropping(name: string): string {
  return (
    `TypeORM would alter Django's table, and drop the columns that ${name} does not map; write ` +
    `@Entity({ name: 'auth_user', synchronize: false }) on ${name}.`
  );
}

const startError = (database: TestDatabase, options: DjangoAppOptions): Promise<unknown> =>
  startDjangoApp(database, options).then(
    async (test) => {
      await test.close();
      return 'it started';
    },
    (error: unknown) => error,
  );

describe.each(DATABASES)('a class without `synchronize: false` on %s', (name) => {
  let database: TestDatabase;
  let initialize: jest.SpiedFunction<DataSource['initialize']>;
  beforeEach(async () => {
    database = await createDjangoDatabase(name);
    initialize = jest.spyOn(DataSource.prototype, 'initialize');
  });
  afterEach(async () => {
    initialize.mockRestore();
    await database.drop();
  });

  /** TypeORM goes on while the error of the package is on its way. */
  const typeormEnds = async () => {
    const { results, contexts } = initialize.mock;
    const sources = contexts as DataSource[];
    await Promise.allSettled(results.map(({ value }) => value as Promise<DataSource>));
    const open = sources.filter(({ isInitialized }) => isInitialized);
    await Promise.all(open.map((dataSource) => dataSource.destroy()));
  };
  const content = async () => {
    const dataSource = await new DataSource(database.options).initialize();
    const [users, tokens] = await Promise.all([
      dataSource.query('SELECT * FROM auth_user ORDER BY id'),
      dataSource.query('SELECT * FROM knox_authtoken ORDER BY digest'),
    ]);
    await dataSource.destroy();
    return { users, tokens };
  };

  it.each(CASES)(
    'is refused, and no row is touched: $what',
    async ({ owner, token, says, owners }) => {
      const before = await content();
      initialize.mockClear();
      const options = {
        owner,
        knox: { tokenEntity: token as never },
        entities: [token, ...(owners ?? [owner])],
      };
      // Once more: what the first refusal has changed must not let the second start pass.
      for (let start = 0; start < 2; start += 1) {
        const error = await startError(database, options);
        await typeormEnds();
        expect(error).toBeInstanceOf(KnoxConfigError);
        expect((error as Error).message).toBe(`KnoxModule option "tokenEntity": ${says}`);
        expect(await content()).toEqual(before);
      }
    },
  );

  it('is refused by TypeORM alone, as in its command line', async () => {
    const before = await content();
    const entities = [CarelessUser, djangoAuthToken(() => CarelessUser)];
    const dataSource = new DataSource({ ...database.options, entities, synchronize: true });
    await expect(dataSource.initialize()).rejects.toThrow(dropping('CarelessUser'));
    expect(await content()).toEqual(before);
  });

  it('is refused if the owner is known only after the module is defined', async () => {
    let isEvaluated = false;
    const token = djangoAuthToken(() => {
      // As `let` and `class` do in modules that import each other.
      if (!isEvaluated) throw new ReferenceError('Cannot access LateUser before initialization');
      return LateUser;
    });
    const before = await content();
    const options: DjangoAppOptions = {
      owner: LateUser,
      knox: { tokenEntity: token },
      entities: [LateUser, token],
      options: { retryDelay: 1 },
    };
    const starting = startError(database, options);
    isEvaluated = true;
    const error = await starting;
    await typeormEnds();
    expect(error).toBeInstanceOf(KnoxConfigError);
    expect((error as Error).message).toBe(
      `KnoxModule option "tokenEntity": ${dropping('LateUser')}`,
    );
    expect(await content()).toEqual(before);
  });

  it('is refused if it is neither token nor owner, where nothing is synchronized', async () => {
    const token = djangoAuthToken(() => DjangoUser);
    const error = await startError(database, {
      options: { synchronize: false },
      entities: [DjangoUser, Beside, token],
      knox: { tokenEntity: token },
    });
    expect((error as Error).message).toBe(`KnoxModule option "tokenEntity": ${dropping('Beside')}`);
  });
});
