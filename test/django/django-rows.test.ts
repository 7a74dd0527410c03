import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import type { Type } from '@nestjs/common';
import { DjangoAuthToken, DjangoUser } from '../../lib/django/index.ts';
import { DATABASES, type DatabaseName, type TestDatabase } from '../support/databases.ts';
import { ListeningToken, ListeningUser } from '../support/django-owners.ts';
import {
  createDjangoDatabase,
  startDjangoApp,
  TOKEN_ROWS,
  tokenOf,
  type DjangoApp,
} from '../support/django.ts';

/** SQL literals, and the instant of each. Digits after the milliseconds are cut off. */
const INSTANTS: Record<DatabaseName, [literal: string, iso: string][]> = {
  postgres: [
    ["'2126-11-24 02:34:57.681345+00'", '2126-11-24T02:34:57.681Z'],
    ["'2126-11-24 02:34:57.999999+00'", '2126-11-24T02:34:57.999Z'],
    ["'2126-11-24 02:34:57+05:45'", '2126-11-23T20:49:57.000Z'],
    ["'2126-11-24 02:34:57.000999+00'", '2126-11-24T02:34:57.000Z'],
    ["'9999-12-31 23:59:59.999999+00'", '9999-12-31T23:59:59.999Z'],
    ["'275760-09-12 23:59:59.9999+00'", '+275760-09-12T23:59:59.999Z'],
  ],
  mariadb: [
    ["'2126-11-24 02:34:57.681345'", '2126-11-24T02:34:57.681Z'],
    ["'2126-11-24 02:34:57.999999'", '2126-11-24T02:34:57.999Z'],
    ["'2126-11-24 02:34:57'", '2126-11-24T02:34:57.000Z'],
    ["'9999-12-31 23:59:59.999999'", '9999-12-31T23:59:59.999Z'],
  ],
  sqlite: [
    ["'2126-11-24 02:34:57.681345'", '2126-11-24T02:34:57.681Z'],
    ["'2126-11-24 02:34:57.999999'", '2126-11-24T02:34:57.999Z'],
    ["'2126-11-24 02:34:57.000999'", '2126-11-24T02:34:57.000Z'],
    ["'2126-11-24 02:34:57'", '2126-11-24T02:34:57.000Z'],
    ["'2126-11-24T02:34:57.5'", '2126-11-24T02:34:57.500Z'],
    ["'9999-12-31 23:59:59.999999'", '9999-12-31T23:59:59.999Z'],
  ],
};

/** Literals outside the range of a Date, or without an instant. */
const ABSURD: Record<DatabaseName, string[]> = {
  postgres: [
    "'infinity'",
    "'-infinity'",
    "'275760-09-13 00:00:00.001+00'",
    "'294276-12-31 23:59:59+00'",
    "'0044-03-15 00:00:00+00 BC'",
  ],
  mariadb: ["'0000-00-00'", "'2126-00-00'", "'1000-01-01'"],
  sqlite: [
    "'never'",
    "''",
    "'2126-11-24'",
    "'2126-13-45 99:00:00'",
    "'2126-11-24 02:34:57.'",
    "'2126-11-24 02:34:57.1x'",
    "'2126-11-24 02:34:57 PM'",
    '9e999',
    '-9e999',
    "x'ffff'",
    "'9999999.5'",
    '9223372036854775807',
    '4102444800000',
    "x'323132362d31312d3234'",
  ],
};

const ENTITIES: [string, Type<DjangoUser>, Type<object>][] = [
  ['the compiled lookup', DjangoUser, DjangoAuthToken],
  ['TypeORM', ListeningUser, ListeningToken],
];

const STAGES = DATABASES.flatMap((name) =>
  ENTITIES.map(([way, owner, tokenEntity]) => ({ name, way, owner, tokenEntity })),
);

describe.each(STAGES)('a row on $name that $way reads', ({ name, owner, tokenEntity }) => {
  let database: TestDatabase;
  let test: DjangoApp;
  let john: DjangoUser;
  beforeAll(async () => {
    database = await createDjangoDatabase(name);
    test = await startDjangoApp(database, {
      owner,
      knox: { tokenEntity, tokenLimitPerUser: 2 } as never,
    });
    john = await test.user('john.doe');
    await test.tokens.deleteExpired();
  });
  afterAll(async () => {
    await test.close();
    await database.drop();
  });

  /** Sets these instants in John's token of kind `long`. */
  const put = async (created: string, expiry: string) => {
    // MariaDB stores a zero date only in this mode.
    const lax = name === 'mariadb' ? "SET STATEMENT sql_mode = '' FOR " : '';
    const { digest, tokenKey } = TOKEN_ROWS.find(({ token }) => token === tokenOf('long'))!;
    await test.dataSource.query(`DELETE FROM knox_authtoken WHERE digest = '${digest}'`);
    await test.dataSource.query(
      `${lax}INSERT INTO knox_authtoken (digest, token_key, user_id, created, expiry) ` +
        `VALUES ('${digest}', '${tokenKey}', 1, ${created}, ${expiry})`,
    );
  };
  const me = (kind: string) => test.client.get('/me', { token: tokenOf(kind) });

  it.each(INSTANTS[name])('%s is %s', async (literal, iso) => {
    await put(literal, literal);
    const { body } = await me('long');
    expect([body.expiry, body.created]).toEqual([iso, iso]);
    const [newest] = await test.tokens.list(john);
    expect(newest!.expiry!.toISOString()).toBe(iso);
    expect(await test.tokens.deleteExpired()).toBe(0);
  });

  it.each(ABSURD[name])(
    'with an expiry of %s is expired, does not count, and spoils no other',
    async (literal) => {
      await put("'2026-11-23 16:34:57'", literal);
      const { token } = await test.tokens.create(john, { ttl: '1h' });
      expect(await test.tokens.list(john)).toHaveLength(2);
      const answers = await Promise.all([me('never'), me('long'), me('prefixed')]);
      expect(answers.map(({ status }) => status)).toEqual([200, 401, 200]);
      expect(await test.tokens.revoke(token)).toBe(true);
      await put("'2026-11-23 16:34:57'", literal);
      expect(await test.tokens.deleteExpired()).toBe(1);
      expect((await test.rows()).filter((row) => row.user_id === 1)).toHaveLength(1);
    },
  );
});
