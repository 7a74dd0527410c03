import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  Column,
  DeleteDateColumn,
  Entity,
  JoinColumn,
  JoinTable,
  ManyToMany,
  ManyToOne,
  PrimaryGeneratedColumn,
  type ColumnType,
  type Repository,
} from 'typeorm';
import { AbstractAuthToken } from '../../lib/index.ts';
import {
  createDatabase,
  DATABASES,
  type DatabaseName,
  type TestDatabase,
} from '../support/databases.ts';
import { describeOnServers } from '../support/describe-on.ts';
import { startOwnerApp, type OwnerApp } from '../support/owner-app.ts';
import { Proxy } from '../support/proxy.ts';
import { SqlLog } from '../support/sql-log.ts';

interface Json {
  theme: { colours: string[] };
}

interface Role {
  id: number;
  name: string;
}

interface Person {
  id: number;
  username: string;
  isActive: boolean;
  settings: Json;
  data: Json;
  tags: string[];
  seenAt: Date;
  photo: Buffer;
  quirk: string;
  deletedAt: Date | null;
  roles?: Role[];
}

interface PersonToken extends AbstractAuthToken<Person> {
  user: Person;
}

/** Types whose values are objects. */
const TYPES: Record<DatabaseName, { json: ColumnType; bytes: ColumnType; instant: ColumnType }> = {
  sqlite: { json: 'json', bytes: 'blob', instant: 'datetime' },
  postgres: { json: 'jsonb', bytes: 'bytea', instant: 'timestamptz' },
  mariadb: { json: 'json', bytes: 'blob', instant: 'timestamp' },
};

const quirkTransformer = {
  to: (value: string): string => value,
  from: (value: string): string => {
    if (value === 'broken') throw new Error('This quirk can’t be read.');
    return value;
  },
};

function entitiesOn(name: DatabaseName) {
  const { json, bytes, instant } = TYPES[name];

  @Entity('role')
  class RoleEntity implements Role {
    @PrimaryGeneratedColumn() id!: number;
    @Column({ type: 'varchar', length: 50 }) name!: string;
  }

  @Entity('person')
  class PersonEntity implements Person {
    @PrimaryGeneratedColumn() id!: number;
    @Column({ type: 'varchar', length: 50 }) username!: string;
    @Column({ type: 'boolean' }) isActive!: boolean;
    @Column({ type: 'simple-json' }) settings!: Json;
    @Column({ type: json }) data!: Json;
    @Column({ type: 'simple-array' }) tags!: string[];
    @Column({ type: instant }) seenAt!: Date;
    @Column({ type: bytes }) photo!: Buffer;
    @Column({ type: 'varchar', length: 50, transformer: quirkTransformer }) quirk!: string;
    @DeleteDateColumn() deletedAt!: Date | null;
    @ManyToMany(() => RoleEntity, { cascade: true }) @JoinTable() roles?: Role[];
  }

  @Entity('person_token')
  class PersonTokenEntity extends AbstractAuthToken<PersonEntity> implements PersonToken {
    @ManyToOne(() => PersonEntity, { onDelete: 'CASCADE', nullable: false })
    @JoinColumn({ name: 'user_id' })
    user!: PersonEntity;
  }
  return { PersonEntity, PersonTokenEntity, RoleEntity };
}

interface TestApp extends OwnerApp<PersonToken> {
  readonly people: Repository<Person>;
  readonly tokenRows: Repository<PersonToken>;
}

/** Owners that are their columns, and owners with roles, which only TypeORM can hydrate. */
const KINDS = [
  { kind: 'columns', userRelations: [], maxBatch: 100 },
  { kind: 'entities', userRelations: ['roles'], maxBatch: 25 },
];

async function start(
  name: DatabaseName,
  options: object,
  userRelations: string[] = [],
): Promise<TestApp> {
  const { PersonEntity, PersonTokenEntity, RoleEntity } = entitiesOn(name);
  const app = await startOwnerApp<PersonToken>({
    dataSource: { ...options, entities: [PersonEntity, PersonTokenEntity, RoleEntity] },
    owner: PersonEntity,
    knox: { tokenEntity: PersonTokenEntity, userRelations },
  });
  const people = app.dataSource.getRepository<Person>(PersonEntity);
  const tokenRows = app.dataSource.getRepository<PersonToken>(PersonTokenEntity);
  return Object.assign(app, { people, tokenRows });
}

const json = (): Json => ({ theme: { colours: ['red', 'blue'] } });

const person = (username: string) => ({
  username,
  isActive: true,
  settings: json(),
  data: json(),
  tags: ['a', 'b'],
  seenAt: new Date('2024-02-29T12:34:56Z'),
  photo: Buffer.from('photo'),
  quirk: 'none',
  roles: [{ name: 'reader' }, { name: 'writer' }],
});

/** A raw token for a new user of each of these names. */
async function tokensFor<const Names extends readonly string[]>(
  { people, tokens }: TestApp,
  names: Names,
): Promise<{ [Name in keyof Names]: string }> {
  const users = await people.save(people.create(names.map(person)));
  const issued = await Promise.all(users.map((user) => tokens.create(user)));
  return issued.map(({ token }) => token) as { [Name in keyof Names]: string };
}

/** The code of each refused lookup, and the user's name of each other one. */
async function verdicts({ tokens }: TestApp, raw: readonly string[]): Promise<unknown[]> {
  const outcomes = await Promise.allSettled(raw.map((token) => tokens.authenticate(token)));
  return outcomes.map((outcome) =>
    outcome.status === 'fulfilled'
      ? outcome.value.user.username
      : (outcome.reason as { getResponse(): { code: string } }).getResponse().code,
  );
}

const STAGES = DATABASES.flatMap((name) => KINDS.map((kind) => ({ name, ...kind })));

describe.each(STAGES)('lookups of one turn, of $kind on $name,', (stage) => {
  const { name, userRelations, maxBatch } = stage;
  let database: TestDatabase;
  let test: TestApp;
  let log: SqlLog;
  beforeAll(async () => {
    database = await createDatabase(name);
    test = await start(name, database.options, userRelations);
    log = new SqlLog(test.dataSource);
  });
  beforeEach(() => log.clear());
  afterAll(async () => {
    await test.close();
    await database.drop();
  });

  it('are as few statements as hold them all, and each gets its own user', async () => {
    const names = Array.from({ length: 100 }, (_, index) => `user${String(index)}`);
    const raw = await tokensFor(test, names);
    log.clear();
    expect(await verdicts(test, raw)).toEqual(names);
    expect(log.statements).toHaveLength(100 / maxBatch);
    expect(log.reads).toHaveLength(100 / maxBatch);
  });

  it('get all that belongs to the user, if its rows are not adjacent either', async () => {
    const raw = await tokensFor(test, ['first', 'second']);
    const found = await Promise.all(raw.map((token) => test.tokens.authenticate(token)));
    const roles = userRelations.length > 0 ? ['reader', 'writer'] : undefined;
    for (const { user } of found) {
      expect(user.roles?.map((role) => role.name).sort()).toEqual(roles);
    }
  });

  it('are one statement for one token too, which writes nothing and names none', async () => {
    const [raw] = await tokensFor(test, ['alone']);
    log.clear();
    expect(await verdicts(test, [raw])).toEqual(['alone']);
    expect(log.statements).toHaveLength(1);
    expect(log.reads).toHaveLength(1);
    expect(log.reads[0]).not.toMatch(/\bANY\b|\bIN \([^)]*,/);
  });

  it('each find their verdict among good, unknown, expired, inactive and deleted ones', async () => {
    const names = ['good', 'expired', 'inactive', 'deleted', 'fine'] as const;
    const [good, expired, inactive, deleted, fine] = await tokensFor(test, names);
    const { authToken } = await test.tokens.authenticate(expired);
    await test.tokenRows.update(authToken.digest, { expiry: new Date(Date.now() - 1) });
    await test.people.update({ username: 'inactive' }, { isActive: false });
    await test.people.softDelete({ username: 'deleted' });
    log.clear();
    const found = await verdicts(test, [good, 'f'.repeat(64), expired, inactive, deleted, fine]);
    expect(found).toEqual([
      'good',
      'invalid_token',
      'invalid_token',
      'user_inactive',
      'user_inactive',
      'fine',
    ]);
    const lookups = log.reads.filter((sql) => sql.includes('JOIN'));
    expect(lookups).toHaveLength(1);
  });

  it('fail alone if their own row can’t be hydrated', async () => {
    const [a, broken, b] = await tokensFor(test, ['a', 'broken', 'b']);
    await test.people.update({ username: 'broken' }, { quirk: 'broken' });
    log.clear();
    const found = await verdicts(test, [a, broken, b, broken]);
    expect(found).toEqual(['a', 'unavailable', 'b', 'unavailable']);
    expect(log.reads).toHaveLength(1);
    const statuses = await Promise.all(
      [a, broken, b].map(async (token) => (await test.client.get('/owner', { token })).status),
    );
    expect(statuses).toEqual([200, 503, 200]);
  });

  describe('for one and the same token', () => {
    const COUNT = 20;
    let raw: string;
    beforeAll(async () => {
      [raw] = await tokensFor(test, ['shared']);
    });

    const all = async () => Promise.all(Array(COUNT).fill(raw).map(authenticate));
    const authenticate = (token: string) => test.tokens.authenticate(token);

    it('ask for one row', async () => {
      await all();
      expect(log.reads).toHaveLength(1);
      expect(log.reads[0]).not.toMatch(/\bANY\b|\bIN \([^)]*,/);
    });

    it('share no object, however deep', async () => {
      const parts = (await all()).map(({ user, authToken }) => [
        user,
        user.settings,
        user.settings.theme,
        user.settings.theme.colours,
        user.data,
        user.data.theme,
        user.data.theme.colours,
        user.tags,
        user.seenAt,
        user.photo,
        ...(user.roles ?? []),
        authToken,
        authToken.created,
        authToken.expiry,
      ]);
      expect(new Set(parts.flat()).size).toBe(COUNT * parts[0]!.length);
    });

    it.each([0, 1, COUNT - 1])(
      'leave the others alone when number %d is changed',
      async (index) => {
        const before = await authenticate(raw);
        const found = await all();
        const [changed] = found.splice(index, 1);
        const { user, authToken } = changed!;
        user.username = 'other';
        user.settings.theme.colours.push('green');
        user.data.theme.colours.length = 0;
        user.tags.push('c');
        user.seenAt.setTime(0);
        user.photo.fill(0);
        authToken.created.setTime(0);
        authToken.expiry!.setTime(0);
        for (const other of found) expect(other).toStrictEqual(before);
        const relations = Object.fromEntries(userRelations.map((relation) => [relation, true]));
        const own = await test.people.findOneOrFail({ where: { id: user.id }, relations });
        expect(found[0]!.user).toStrictEqual(own);
      },
    );
  });

  it('never find a token that was revoked before they began', async () => {
    const noise = await tokensFor(test, ['n0', 'n1', 'n2']);
    const user = await test.people.findOneByOrFail({ username: 'n0' });
    const revoking = { done: false };
    const keepAsking = async (): Promise<void> => {
      while (!revoking.done) {
        await Promise.all(noise.map((token) => test.tokens.authenticate(token)));
      }
    };
    const asked = keepAsking();
    const after: unknown[] = [];
    for (let round = 0; round < 100; round++) {
      const { token } = await test.tokens.create(user);
      const early = verdicts(test, [token, token]);
      if (round % 2 === 0) await turn();
      const asking = verdicts(test, [token]);
      expect(await test.tokens.revoke(token)).toBe(true);
      after.push(...(await verdicts(test, [token])));
      await Promise.all([early, asking]);
    }
    revoking.done = true;
    await asked;
    expect(after).toEqual(Array(100).fill('invalid_token'));
  }, 120_000);
});

describeOnServers('a lookup on %s', (name) => {
  it('does not wait for one of the same token that was sent before a revocation', async () => {
    const database = await createDatabase(name);
    const proxy = await Proxy.start(database.options as never);
    const test = await start(name, { ...database.options, host: '127.0.0.1', port: proxy.port });
    try {
      const [token] = await tokensFor(test, ['ada']);
      const sent = proxy.swallowReplyTo(/JOIN/);
      const early = verdicts(test, [token]);
      await sent;
      expect(await test.tokens.revoke(token)).toBe(true);
      // The first lookup has no answer yet.
      expect(await verdicts(test, [token])).toEqual(['invalid_token']);
      proxy.thaw();
      expect(await early).toEqual(['ada']);
    } finally {
      await test.close();
      proxy.shutDown();
      await database.drop();
    }
  });
});

/** The type `timestamp with time zone`. */
const TIMESTAMPTZ = 1184;

type Parse = (text: string) => unknown;

/** Of the pg that TypeORM has loaded. */
interface PgTypes {
  getTypeParser(type: number): Parse;
  setTypeParser(type: number, parse: Parse): void;
}

if (DATABASES.includes('postgres')) {
  describe.each(KINDS)('a row of $kind that pg’s parsers reject', ({ userRelations }) => {
    it('fails only the lookups of that row', async () => {
      const database = await createDatabase('postgres');
      const test = await start('postgres', database.options, userRelations);
      const { types } = (test.dataSource.driver as unknown as { postgres: { types: PgTypes } })
        .postgres;
      const parse = types.getTypeParser(TIMESTAMPTZ);
      try {
        const names = ['ada', 'bob', 'eve', 'joe', 'kim'];
        const raw = await tokensFor(test, names);
        await test.dataSource.query(
          `UPDATE person SET "seenAt" = 'infinity' WHERE username = 'eve'`,
        );
        types.setTypeParser(TIMESTAMPTZ, (text) => {
          if (text === 'infinity') throw new RangeError('Not an instant.');
          return parse(text);
        });
        const found = await verdicts(test, [...raw, raw[2]!]);
        expect(found).toEqual(['ada', 'bob', 'unavailable', 'joe', 'kim', 'unavailable']);
        expect(await verdicts(test, [raw[2]!])).toEqual(['unavailable']);
      } finally {
        types.setTypeParser(TIMESTAMPTZ, parse);
        await test.close();
        await database.drop();
      }
    });
  });
}
