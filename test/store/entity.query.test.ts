import { inspect } from 'node:util';
import { describe, expect, it } from '@jest/globals';
import {
  AfterLoad,
  ChildEntity,
  Column,
  CreateDateColumn,
  DefaultNamingStrategy,
  DeleteDateColumn,
  Entity,
  JoinColumn,
  JoinTable,
  ManyToMany,
  ManyToOne,
  OneToMany,
  OneToOne,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  RelationId,
  TableInheritance,
  UpdateDateColumn,
  VersionColumn,
  VirtualColumn,
  type ColumnOptions,
  type DataSourceOptions,
  type NamingStrategyInterface,
  type ObjectLiteral,
} from 'typeorm';
import { AbstractAuthToken } from '../../lib/index.ts';
import {
  createDatabase,
  createSchemas,
  DATABASES,
  type DatabaseName,
} from '../support/databases.ts';
import { ERRORS } from '../support/errors.ts';
import { startOwnerApp } from '../support/owner-app.ts';
import { SqlLog } from '../support/sql-log.ts';

type OwnerClass = new () => ObjectLiteral & { username: string; isActive: boolean };

interface Case {
  readonly entities: readonly (new () => object)[];
  readonly owner: OwnerClass;
  /** The class of the row, if it is not the owner's. */
  readonly saved?: OwnerClass;
  readonly values?: object;
  /** The values of another user, if they may not be the same. */
  readonly others?: object;
  readonly options?: Partial<DataSourceOptions>;
  readonly tokenOptions?: { schema?: string };
  readonly schemas?: readonly string[];
  /** What `userRelations` names, and `find` of the application's own repository. */
  readonly relations?: Readonly<Record<string, boolean | object>>;
  readonly isShort: boolean;
}

/** The columns that all owners here have. */
abstract class Account {
  @Column({ type: 'varchar', length: 40 }) username!: string;
  @Column({ type: 'boolean' }) isActive!: boolean;
}

abstract class Numbered extends Account {
  @PrimaryGeneratedColumn() id!: number;
}

function tokenOf(owner: OwnerClass, options: { schema?: string } = {}) {
  @Entity({ name: 'owner_token', ...options })
  class OwnerToken extends AbstractAuthToken<ObjectLiteral> {
    @ManyToOne(() => owner, { onDelete: 'CASCADE', nullable: false })
    @JoinColumn({ name: 'user_id' })
    user!: ObjectLiteral;
    @Column({ type: 'varchar', length: 20, default: 'web' }) kind!: string;
  }
  return OwnerToken as new () => AbstractAuthToken<ObjectLiteral>;
}

type Wide = Record<string, [ColumnOptions, unknown]>;

const instant = new Date('2024-02-29T12:34:56.000Z');
const json = { list: [1, { deep: null }], text: 'é”' };

/** A column of each common type, by its name, and a value for it. */
const COMMON: Wide = {
  flag: [{ type: 'boolean' }, false],
  byClass: [{ type: Boolean }, true],
  integer: [{ type: 'integer' }, -7],
  numberByClass: [{ type: Number }, 42],
  small: [{ type: 'smallint' }, 3],
  big: [{ type: 'bigint' }, '9007199254740993'],
  exact: [{ type: 'decimal', precision: 12, scale: 3 }, '12345.670'],
  float: [{ type: 'float' }, 0.25],
  double: [{ type: 'double precision' }, 1.5],
  short: [{ type: 'varchar', length: 20 }, ' spaced '],
  stringByClass: [{ type: String }, ''],
  long: [{ type: 'text' }, 'Ünïcödé “long” \\ text'],
  day: [{ type: 'date' }, '2024-02-29'],
  time: [{ type: 'time' }, '23:59:58'],
  dateByClass: [{ type: Date }, instant],
  list: [{ type: 'simple-array' }, ['a', 'b']],
  empty: [{ type: 'simple-array' }, []],
  parts: [{ type: 'simple-json' }, json],
  choice: [{ type: 'simple-enum', enum: ['red', 'blue'] }, 'blue'],
  rank: [{ type: 'simple-enum', enum: [1, 2] }, 2],
  uuid: [{ type: 'uuid' }, '3f2504e0-4f89-41d3-9a0c-0305e82c3301'],
  nothing: [{ type: 'varchar', length: 20, nullable: true }, null],
  noDate: [{ type: Date, nullable: true }, null],
  noParts: [{ type: 'simple-json', nullable: true }, null],
};

/** Columns that only one database has. */
const WIDE: Record<DatabaseName, Wide> = {
  sqlite: {
    ...COMMON,
    moment: [{ type: 'datetime' }, instant],
    bytes: [{ type: 'blob' }, Buffer.from([0, 255, 1])],
    document: [{ type: 'json' }, json],
    tiny: [{ type: 'tinyint' }, 1],
    real: [{ type: 'real' }, 2.5],
    character: [{ type: 'character', length: 3 }, 'abc'],
  },
  postgres: {
    ...COMMON,
    moment: [{ type: 'timestamptz' }, instant],
    local: [{ type: 'timestamp' }, instant],
    bytes: [{ type: 'bytea' }, Buffer.from([0, 255, 1])],
    document: [{ type: 'json' }, json],
    binary: [{ type: 'jsonb' }, json],
    real: [{ type: 'real' }, 2.5],
    char: [{ type: 'char', length: 5 }, 'abc'],
    texts: [{ type: 'text', array: true }, ['a', 'b,c']],
    integers: [{ type: 'int', array: true }, [1, 2]],
    colour: [{ type: 'enum', enum: ['red', 'blue'] }, 'red'],
    colours: [{ type: 'enum', enum: ['red', 'blue'], array: true }, ['red', 'blue']],
    span: [{ type: 'interval' }, '1 day 02:00:00'],
    address: [{ type: 'inet' }, '10.0.0.1'],
    point: [{ type: 'point' }, '(1,2)'],
    zoned: [{ type: 'timetz' }, '12:00:00+02'],
    search: [{ type: 'tsvector' }, "'a' 'b'"],
    range: [{ type: 'int4range' }, '[1,5)'],
    money: [{ type: 'money' }, '$1.50'],
    bits: [{ type: 'bit', length: 3 }, '101'],
  },
  mariadb: {
    ...COMMON,
    moment: [{ type: 'datetime', precision: 3 }, new Date('2024-02-29T12:34:56.789Z')],
    local: [{ type: 'timestamp' }, instant],
    bytes: [{ type: 'blob' }, Buffer.from([0, 255, 1])],
    padded: [{ type: 'binary', length: 4 }, Buffer.from([1, 2, 3, 4])],
    document: [{ type: 'json' }, json],
    tiny: [{ type: 'tinyint' }, 1],
    unsigned: [{ type: 'int', unsigned: true }, 4_294_967_295],
    char: [{ type: 'char', length: 5 }, 'abc'],
    colour: [{ type: 'enum', enum: ['red', 'blue'] }, 'red'],
    colours: [{ type: 'set', enum: ['red', 'blue'] }, ['red', 'blue']],
    year: [{ type: 'year' }, 2024],
    bits: [{ type: 'bit' }, Buffer.from([1])],
  },
};

function wide(database: DatabaseName): Case {
  @Entity('owner')
  class Owner extends Numbered {
    @CreateDateColumn() createdAt!: Date;
    @UpdateDateColumn() updatedAt!: Date;
    @DeleteDateColumn() deletedAt!: Date | null;
    @VersionColumn() version!: number;
  }
  const columns = Object.entries(WIDE[database]);
  for (const [property, [options]] of columns) Column(options)(Owner.prototype, property);
  const values = Object.fromEntries(columns.map(([property, [, value]]) => [property, value]));
  return { entities: [Owner], owner: Owner, values, isShort: true };
}

function relatives(): Case {
  @Entity('country')
  class Country {
    @PrimaryGeneratedColumn() id!: number;
    @Column({ type: 'varchar', length: 40 }) name!: string;
  }
  @Entity('owner')
  class Owner extends Numbered {
    @ManyToOne(() => Country, { eager: true, cascade: true }) country!: Country;
  }
  const values = { country: { name: 'Peru' } };
  return { entities: [Owner, Country], owner: Owner, values, isShort: true };
}

/** Names that together are longer than an identifier of PostgreSQL may be. */
function longNames(): Case {
  const tags = { Plan: 'subscriptionPlanOfTheOrganisation', Team: 'organisationOfTheMembership' };
  @Entity('plan')
  class Plan {
    @PrimaryGeneratedColumn() id!: number;
    @Column({ type: 'varchar', length: 20 }) name!: string;
    @Column({ type: 'varchar', length: 20 }) note!: string;
  }
  @Entity('team')
  class Team {
    @PrimaryGeneratedColumn() id!: number;
  }
  @Entity('owner')
  class Owner extends Numbered {}
  ManyToMany(() => Plan, { cascade: true })(Team.prototype, tags.Plan);
  JoinTable({ name: 'team_plan' })(Team.prototype, tags.Plan);
  ManyToOne(() => Team, { cascade: true })(Owner.prototype, tags.Team);
  const plans = [
    { name: 'a', note: 'b' },
    { name: 'c', note: 'd' },
  ];
  return {
    entities: [Owner, Team, Plan],
    owner: Owner,
    values: { [tags.Team]: { [tags.Plan]: plans } },
    relations: { [tags.Team]: { [tags.Plan]: true } },
    isShort: true,
  };
}

/** A related entity of which only TypeORM can tell whether it is there. */
function hiddenKey(): Case {
  @Entity('country')
  class Country {
    @PrimaryColumn({ type: 'int', select: false }) id!: number;
    @Column({ type: 'varchar', length: 20 }) name!: string;
  }
  @Entity('owner')
  class Owner extends Numbered {
    @ManyToOne(() => Country, { eager: true, cascade: true }) country!: Country;
  }
  const values = { country: { id: 1, name: 'Peru' } };
  return { entities: [Owner, Country], owner: Owner, values, isShort: false };
}

/** TypeORM transforms the nulls of a row that has no related one, too. */
const bigintOrNull = (value: string | null) => (value === null ? null : BigInt(value));

/** Relations of each kind, some without a row, and what is related to related ones. */
function relationsOfAllKinds(): Case {
  @Entity('permission')
  class Permission {
    @PrimaryColumn({ type: 'varchar', length: 20 }) area!: string;
    @PrimaryColumn({ type: 'int' }) level!: number;
    @DeleteDateColumn() deletedAt!: Date | null;
  }
  @Entity('role')
  class Role {
    @PrimaryGeneratedColumn('uuid') id!: string;
    @Column({ type: 'bigint', transformer: { to: String, from: bigintOrNull } }) rank!: bigint;
    @ManyToMany(() => Permission, { eager: true, cascade: true })
    @JoinTable({ name: 'role_permission' })
    permissions!: Permission[];
  }
  @Entity('passport')
  class Passport {
    @PrimaryGeneratedColumn() id!: number;
    @Column({ type: 'varchar', length: 20, select: false }) secret!: string;
    @Column({ type: 'varchar', length: 20 }) number!: string;
    @OneToOne(() => Owner, ({ passport }) => passport) owner!: unknown;
  }
  @Entity('device')
  class Device {
    @PrimaryGeneratedColumn() id!: number;
    @Column({ type: 'varchar', length: 20 }) name!: string;
    @DeleteDateColumn() deletedAt!: Date | null;
    @ManyToOne(() => Owner, ({ devices }) => devices) owner!: unknown;
  }
  @Entity('place')
  class Place {
    @PrimaryGeneratedColumn() id!: number;
  }
  class Profile {
    @Column({ type: 'varchar', length: 20, nullable: true }) title!: string | null;
    @ManyToOne(() => Place, { cascade: true }) home!: Place | null;
    @ManyToOne(() => Place) work!: Place | null;
  }
  @Entity('owner')
  class Owner extends Numbered {
    @ManyToMany(() => Role, { cascade: true }) @JoinTable({ name: 'owner_role' }) roles!: Role[];
    @OneToMany(() => Device, ({ owner }) => owner as Owner, { cascade: true }) devices!: Device[];
    @OneToOne(() => Passport, ({ owner }) => owner as Owner, { eager: true, cascade: true })
    @JoinColumn()
    passport!: Passport;
    @Column(() => Profile) profile!: Profile;
    @ManyToOne(() => Owner, { nullable: true }) chief!: Owner | null;
    @OneToMany(() => Owner, ({ chief }) => chief) staff!: Owner[];
  }
  const values = {
    roles: [
      {
        rank: 1n,
        permissions: [
          { area: 'a', level: 1 },
          { area: 'a', level: 2 },
          { area: 'b', level: 1, deletedAt: new Date(0) },
        ],
      },
      { rank: 2n, permissions: [] },
    ],
    devices: [{ name: 'phone' }, { name: 'laptop' }, { name: 'lost', deletedAt: new Date(0) }],
    passport: { number: 'X1', secret: 'no' },
    profile: { title: null, home: {} },
  };
  const relations = {
    roles: true,
    devices: true,
    profile: { home: true, work: true },
    chief: true,
    staff: { roles: true },
  };
  const entities = [Owner, Role, Permission, Passport, Device, Place];
  return { entities, owner: Owner, values, others: {}, relations, isShort: true };
}

function inheritance(): Case {
  @Entity('owner')
  @TableInheritance({ column: { type: 'varchar', length: 20, name: 'kind' } })
  class Owner extends Numbered {}
  @ChildEntity()
  class Boss extends Owner {
    @Column({ type: 'varchar', length: 20, nullable: true }) title!: string;
  }
  const values = { title: 'CTO' };
  return { entities: [Owner, Boss], owner: Owner, saved: Boss, values, isShort: false };
}

function listener(): Case {
  @Entity('owner')
  class Owner extends Numbered {
    loaded = 0;
    @AfterLoad() note(): void {
      this.loaded = this.username.length;
    }
  }
  return { entities: [Owner], owner: Owner, isShort: false };
}

function embeddedListener(): Case {
  class Name {
    @Column({ type: 'varchar', length: 20 }) first!: string;
    initial!: string;
    @AfterLoad() note(): void {
      this.initial = this.first.charAt(0);
    }
  }
  @Entity('owner')
  class Owner extends Numbered {
    @Column(() => Name) name!: Name;
  }
  return { entities: [Owner], owner: Owner, values: { name: { first: 'Ada' } }, isShort: false };
}

function virtualColumn(): Case {
  @Entity('owner')
  class Owner extends Numbered {
    @VirtualColumn({ type: 'int', query: (alias) => `SELECT ${alias}.id + 1` }) next!: number;
  }
  return { entities: [Owner], owner: Owner, isShort: false };
}

function relationId(): Case {
  @Entity('team')
  class Team {
    @PrimaryGeneratedColumn() id!: number;
  }
  @Entity('owner')
  class Owner extends Numbered {
    @ManyToOne(() => Team, { cascade: true }) team!: Team;
    @RelationId((owner: Owner) => owner.team) teamId!: number;
  }
  return { entities: [Owner, Team], owner: Owner, values: { team: {} }, isShort: false };
}

function lazyRelation(): Case {
  @Entity('team')
  class Team {
    @PrimaryGeneratedColumn() id!: number;
    @Column({ type: 'varchar', length: 20 }) name!: string;
    @OneToMany(() => Owner, ({ team }) => team) owners!: unknown[];
  }
  @Entity('owner')
  class Owner extends Numbered {
    @ManyToOne(() => Team, { lazy: true, cascade: true }) team!: Promise<Team>;
  }
  const values = { team: Promise.resolve(Object.assign(new Team(), { name: 'core' })) };
  return { entities: [Owner, Team], owner: Owner, values, isShort: true };
}

const reverse = (text: string): string => Buffer.from(text).reverse().toString();

function columns(): Case {
  class Money {
    @Column({ type: 'bigint', transformer: { to: String, from: BigInt } }) cents!: bigint;
    @Column({ type: 'varchar', length: 3, name: 'cur' }) currency!: string;
  }
  class Plan {
    @Column({ type: 'varchar', length: 20, nullable: true }) name!: string | null;
    @Column(() => Money) price!: Money;
  }
  class Nothing {
    @Column({ type: 'varchar', length: 20, nullable: true }) one!: string | null;
    @Column({ type: 'integer', nullable: true }) other!: number | null;
  }
  const twice = { to: (n: number) => n * 2, from: (n: number) => n / 2 };
  const more = { to: (n: number) => n + 1, from: (n: number) => n - 1 };
  @Entity('owner')
  class Owner extends Numbered {
    @Column(() => Plan, { prefix: 'p_' }) plan!: Plan;
    @Column(() => Nothing) none!: Nothing;
    @Column({ type: 'varchar', length: 20, transformer: { to: reverse, from: reverse } })
    mirrored!: string;
    @Column({ type: 'integer', transformer: [twice, more] }) chained!: number;
    @Column({
      type: 'varchar',
      length: 20,
      nullable: true,
      transformer: { to: () => null, from: (value: unknown) => value ?? 'by default' },
    })
    defaulted!: string;
    @Column({ type: 'varchar', length: 20, select: false }) secret!: string;
    @Column({ type: 'varchar', length: 20, name: 'odd name-1' }) odd!: string;
  }
  const values = {
    plan: { name: 'gold', price: { cents: 12n, currency: 'EUR' } },
    none: { one: null, other: null },
    mirrored: 'abc',
    chained: 20,
    secret: 'hidden',
    odd: 'odd',
  };
  return { entities: [Owner], owner: Owner, values, isShort: true };
}

class SnakeNames extends DefaultNamingStrategy implements NamingStrategyInterface {
  override columnName(property: string, custom: string | undefined, prefixes: string[]): string {
    return [...prefixes, custom ?? property].join('_').replace(/[A-Z]/g, '_$&').toLowerCase();
  }
  override tableName(target: string, custom: string | undefined): string {
    return `app_${custom ?? target}`.toLowerCase();
  }
}

function namingStrategy(): Case {
  @Entity()
  class Owner extends Numbered {
    @Column({ type: 'varchar', length: 20 }) firstName!: string;
    @DeleteDateColumn() deletedAt!: Date | null;
  }
  const options = { namingStrategy: new SnakeNames() };
  return { entities: [Owner], owner: Owner, values: { firstName: 'Ada' }, options, isShort: true };
}

function inSchemas(): Case {
  @Entity({ name: 'owner', schema: 'people' })
  class Owner extends Numbered {}
  const tokenOptions = { schema: 'tokens' };
  const schemas = ['people', 'tokens'];
  return { entities: [Owner], owner: Owner, tokenOptions, schemas, isShort: true };
}

function uuidKey(): Case {
  @Entity('owner')
  class Owner extends Account {
    @PrimaryGeneratedColumn('uuid') id!: string;
  }
  return { entities: [Owner], owner: Owner, isShort: true };
}

function bigintKey(): Case {
  @Entity('owner')
  class Owner extends Account {
    @PrimaryColumn({ type: 'bigint' }) id!: string;
  }
  return { entities: [Owner], owner: Owner, values: { id: '4503599627370497' }, isShort: true };
}

function textKey(): Case {
  @Entity('owner')
  class Owner extends Account {
    @PrimaryColumn({ type: 'varchar', length: 40, name: 'account_no' }) accountNo!: string;
  }
  return { entities: [Owner], owner: Owner, values: { accountNo: 'Ä-1 ' }, isShort: true };
}

const CASES: Record<string, (database: DatabaseName) => Case> = {
  'with columns of all common types': wide,
  'with columns transformed, embedded, unselected and oddly named': columns,
  'with names by a strategy': namingStrategy,
  'with a uuid': uuidKey,
  'with a bigint key': bigintKey,
  'with a key of another name': textKey,
  'with a lazy relation': lazyRelation,
  'with an eager relation': relatives,
  'with relations of all kinds': relationsOfAllKinds,
  'with relations of long names': longNames,
  'with a relation of a hidden key': hiddenKey,
  'of a class that shares its table': inheritance,
  'with a listener': listener,
  'with a listener in an embedded part': embeddedListener,
  'with a virtual column': virtualColumn,
  'with the key of a relation': relationId,
};

const STAGES = DATABASES.flatMap((database) => [
  ...Object.entries(CASES).map(([what, make]) => [what, database, make] as const),
  ...(database === 'postgres' ? [['in a schema', database, inSchemas] as const] : []),
]);

/** The keys by which ColumnQuery selects. */
const SHORT = /AS ["`]t_0["`]/;

describe('the entities of a lookup', () => {
  it.each(STAGES)('%s are what the app’s own repository gives, on %s', async (_, name, make) => {
    const { entities, owner, saved = owner, values, options, tokenOptions, ...more } = make(name);
    const tokenEntity = tokenOf(owner, tokenOptions);
    const database = await createDatabase(name);
    await createSchemas(database.options, more.schemas ?? []);
    const test = await startOwnerApp<AbstractAuthToken<ObjectLiteral>>({
      dataSource: {
        ...database.options,
        ...(options as object),
        entities: [...entities, tokenEntity],
      },
      owner,
      knox: { tokenEntity, userRelations: pathsOf(more.relations) },
    });
    try {
      const { dataSource, tokens } = test;
      const [owners, rows] = [
        dataSource.getRepository(owner),
        dataSource.getRepository(tokenEntity),
      ];
      const repository = dataSource.getRepository(saved);
      const save = (username: string, more = values): Promise<ObjectLiteral> =>
        repository.save(Object.assign(repository.create(), { username, isActive: true }, more));
      const user = await save('ada');
      await save('bob', more.others ?? other(values));
      const { token } = await tokens.create(user);
      const log = new SqlLog(dataSource);
      const found = await tokens.authenticate(token);
      expect(log.reads.some((sql) => SHORT.test(sql))).toBe(more.isShort);
      const again = await Promise.all([tokens.authenticate(token), tokens.authenticate(token)]);

      const { relations = {} } = more;
      const own = await owners.findOneOrFail({ where: { username: 'ada' }, relations });
      const ownToken = await rows.findOneOrFail({ where: {}, relations: { user: relations } });
      for (const { user: lookedUp, authToken } of [found, ...again]) {
        // Load the lazy relation in all of them, because the comparison would load it while it compares.
        if ('team' in own) await Promise.all([own.team, ownToken.user.team, lookedUp.team]);
        for (const entity of [own, ownToken, lookedUp, authToken]) sortArrays(entity);
        expect(lookedUp).toStrictEqual(own);
        expect(Object.keys(lookedUp)).toEqual(Object.keys(own));
        expect(lookedUp).toBeInstanceOf(saved);
        expect(authToken).toStrictEqual(ownToken);
      }

      await owners.update({ username: 'ada' }, { isActive: false } as object);
      const inactive = { response: ERRORS.userInactive };
      await expect(tokens.authenticate(token)).rejects.toMatchObject(inactive);
      expect(await tokens.revoke(token)).toBe(true);
      const invalid = { response: ERRORS.invalidToken };
      await expect(tokens.authenticate(token)).rejects.toMatchObject(invalid);
    } finally {
      await test.close();
      await database.drop();
    }
  });
});

/** A database may return the rows of a relation in any order, and with TypeORM 0.3 it does. */
function sortArrays(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  for (const part of Object.values(value)) sortArrays(part);
  if (Array.isArray(value)) value.sort((one, other) => (inspect(one) < inspect(other) ? -1 : 1));
}

/** As `userRelations` writes them: `staff` and `staff.roles`. */
function pathsOf(relations: object = {}, prefix = ''): string[] {
  return Object.entries(relations).flatMap(([name, nested]: [string, unknown]) => {
    const path = `${prefix}${name}`;
    return typeof nested === 'object' ? pathsOf(nested as object, `${path}.`) : path;
  });
}

/** The same for another user, with another key. */
function other(values: object | undefined): object {
  const keys = { id: '4503599627370496', accountNo: 'B-2' };
  return Object.fromEntries(
    Object.entries(values ?? {}).map(([property, value]) => [
      property,
      property in keys ? keys[property as keyof typeof keys] : (value as unknown),
    ]),
  );
}

describe.each(DATABASES)('a subscriber that comes after the start, on %s,', (name) => {
  it('hears of the user and of the token until it is removed', async () => {
    @Entity('owner')
    class Owner extends Numbered {
      note: string | undefined;
    }
    const tokenEntity = tokenOf(Owner);
    const database = await createDatabase(name);
    const test = await startOwnerApp<AbstractAuthToken<ObjectLiteral>>({
      dataSource: { ...database.options, entities: [Owner, tokenEntity] },
      owner: Owner,
      knox: { tokenEntity },
    });
    try {
      const owners = test.dataSource.getRepository(Owner);
      const user = await owners.save(owners.create({ username: 'ada', isActive: true }));
      const { token } = await test.tokens.create(user);
      const authenticate = async () => (await test.tokens.authenticate(token)).user;
      const plain = await authenticate();
      const loaded: unknown[] = [];
      const subscriber = {
        afterLoad: (entity: object) => {
          loaded.push(entity.constructor);
          if (entity instanceof Owner) entity.note = 'loaded';
        },
      };
      test.dataSource.subscribers.push(subscriber);
      const noted = await authenticate();
      expect(noted).toStrictEqual(await owners.findOneByOrFail({ username: 'ada' }));
      expect(noted.note).toBe('loaded');
      expect(loaded).toContain(tokenEntity);
      test.dataSource.subscribers.splice(test.dataSource.subscribers.indexOf(subscriber), 1);
      expect(await authenticate()).toStrictEqual(plain);
    } finally {
      await test.close();
      await database.drop();
    }
  });
});
