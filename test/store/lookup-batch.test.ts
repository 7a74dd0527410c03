import { setImmediate as turn } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import {
  Column,
  DeleteDateColumn,
  Entity,
  JoinColumn,
  ManyToOne,
  PrimaryGeneratedColumn,
  type ColumnType,
  type DataSource,
  type Repository,
} from 'typeorm';
import { AbstractAuthToken } from '../../lib/index.ts';
import {
  createDatabase,
  DATABASES,
  type DatabaseName,
  type TestDatabase,
} from '../support/databases.ts';
import { startOwnerApp, type OwnerApp } from '../support/owner-app.ts';
import { Proxy } from '../support/proxy.ts';
import { SqlLog } from '../support/sql-log.ts';

interface Json {
  theme: { colours: string[] };
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
  }

  @Entity('person_token')
  class PersonTokenEntity extends AbstractAuthToken<PersonEntity> implements PersonToken {
    @ManyToOne(() => PersonEntity, { onDelete: 'CASCADE', nullable: false })
    @JoinColumn({ name: 'user_id' })
    user!: PersonEntity;
  }
  return { PersonEntity, PersonTokenEntity };
}

interface TestApp extends OwnerApp<PersonToken> {
  readonly people: Repository<Person>;
  readonly tokenRows: Repository<PersonToken>;
}

async function start(name: DatabaseName, options: object): Promise<TestApp> {
  const { PersonEntity, PersonTokenEntity } = entitiesOn(name);
  const app = await startOwnerApp<PersonToken>({
    dataSource: { ...options, entities: [PersonEntity, PersonTokenEntity] },
    owner: PersonEntity,
    knox: { tokenEntity: PersonTokenEntity },
  });
  const people = app.dataSource.getRepository<Person>(PersonEntity);
  const tokenRows = app.dataSource.getRepository<PersonToken>(PersonTokenEntity);
  return Object.assign(app, { people, tokenRows });
}

const json = (): Json => ({ theme: { colours: ['red', 'blue'] } });

function save({ people }: TestApp, username: string): Promise<Person> {
  return people.save(
    people.create({
      username,
      isActive: true,
      settings: json(),
      data: json(),
      tags: ['a', 'b'],
      seenAt: new Date('2024-02-29T12:34:56Z'),
      photo: Buffer.from('photo'),
      quirk: 'none',
    }),
  );
}

/** The codes of those that were refused, and the names of the users of those that were not. */
async function verdicts({ tokens }: TestApp, raw: readonly string[]): Promise<unknown[]> {
  const outcomes = await Promise.allSettled(raw.map((token) => tokens.authenticate(token)));
  return outcomes.map((outcome) =>
    outcome.status === 'fulfilled'
      ? outcome.value.user.username
      : (outcome.reason as { getResponse(): { code: string } }).getResponse().code,
  );
}

describe.each(DATABASES)('lookups of one turn on %s', (name) => {
  let database: TestDatabase;
  let test: TestApp;
  let log: SqlLog;
  beforeAll(async () => {
    database = await createDatabase(name);
    test = await start(name, database.options);
    log = new SqlLog(test.dataSource);
  });
  beforeEach(() => log.clear());
  afterAll(async () => {
    await test.close();
    await database.drop();
  });

  const newToken = async (username: string): Promise<string> =>
    (await test.tokens.create(await save(test, username))).token;

  it('are one statement, and each gets its own user', async () => {
    const names = Array.from({ length: 50 }, (_, index) => `user${String(index)}`);
    const raw = await Promise.all(names.map(newToken));
    log.clear();
    expect(await verdicts(test, raw)).toEqual(names);
    expect(log.reads).toHaveLength(1);
    expect(log.statements).toHaveLength(1);
  });

  it('are one statement for one token too, which writes nothing and names none', async () => {
    const raw = await newToken('alone');
    log.clear();
    expect(await verdicts(test, [raw])).toEqual(['alone']);
    expect(log.statements).toHaveLength(1);
    expect(log.reads).toHaveLength(1);
    expect(log.reads[0]).not.toMatch(/\b(?:ANY|IN)\b/);
  });

  it('each find their verdict among good, unknown, expired, inactive and deleted ones', async () => {
    const names = ['good', 'expired', 'inactive', 'deleted', 'fine'];
    const [good, expired, inactive, deleted, fine] = (await Promise.all(names.map(newToken))) as [
      string,
      string,
      string,
      string,
      string,
    ];
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

  it('fail alone where their own row can’t be read', async () => {
    const [a, broken, b] = (await Promise.all(['a', 'broken', 'b'].map(newToken))) as [
      string,
      string,
      string,
    ];
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
      raw = await newToken('shared');
    });

    const all = async () => Promise.all(Array(COUNT).fill(raw).map(authenticate));
    const authenticate = (token: string) => test.tokens.authenticate(token);

    it('ask for one row', async () => {
      await all();
      expect(log.reads).toHaveLength(1);
      expect(log.reads[0]).not.toMatch(/\b(?:ANY|IN)\b/);
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
        const own = await test.people.findOneByOrFail({ id: user.id });
        expect(found[0]!.user).toStrictEqual(own);
      },
    );
  });

  it('never find a token that was revoked before they began', async () => {
    const noise = await Promise.all(['n0', 'n1', 'n2'].map(newToken));
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

const SERVERS = DATABASES.filter((name) => name !== 'sqlite');

describe.each(SERVERS.length > 0 ? SERVERS : [])('a lookup on %s', (name) => {
  it('does not wait for one of the same token that was sent before a revocation', async () => {
    const database = await createDatabase(name);
    const proxy = await Proxy.start(database.options as never);
    const test = await start(name, { ...database.options, host: '127.0.0.1', port: proxy.port });
    try {
      const { token } = await test.tokens.create(await save(test, 'ada'));
      const sent = proxy.swallowReplyTo(/JOIN/);
      const early = verdicts(test, [token]);
      await sent;
      expect(await test.tokens.revoke(token)).toBe(true);
      // The first one has no answer yet.
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

describe.each(SERVERS.filter((name) => name === 'postgres'))('on %s', (name) => {
  it('no statement is prepared by a name, which a pooler in transaction mode would not know', async () => {
    const database = await createDatabase(name);
    const test = await start(name, { ...database.options, poolSize: 1 });
    try {
      const raw = (await test.tokens.create(await save(test, 'ada'))).token;
      const other = (await test.tokens.create(await save(test, 'bob'))).token;
      for (let round = 0; round < 10; round++) {
        expect(await verdicts(test, [raw])).toEqual(['ada']);
        expect(await verdicts(test, [raw, other])).toEqual(['ada', 'bob']);
      }
      expect(await namedStatements(test.dataSource)).toEqual([]);
    } finally {
      await test.close();
      await database.drop();
    }
  });
});

/** On the pool's only connection, which the lookups took as well. */
function namedStatements(dataSource: DataSource): Promise<unknown> {
  return dataSource.query('SELECT name, statement FROM pg_prepared_statements');
}
