import { afterEach, beforeEach, expect, it } from '@jest/globals';
import { createHash } from 'node:crypto';
import { Column, DataSource, DeleteDateColumn, Entity, PrimaryGeneratedColumn } from 'typeorm';
import { djangoAuthToken } from '../../lib/django/index.ts';
import { KnoxConfigError } from '../../lib/index.ts';
import type { TestDatabase } from '../support/databases.ts';
import { describeOn } from '../support/describe-on.ts';
import {
  createDjangoDatabase,
  startDjangoApp,
  type DjangoApp,
  type DjangoAppOptions,
} from '../support/django.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const TOKEN = 'a1'.repeat(32);
const DIGEST = createHash('sha512').update(TOKEN).digest('hex');

/** A user of Django's, in an application that deletes users softly. */
@Entity({ name: 'auth_user', synchronize: false })
class Member {
  @PrimaryGeneratedColumn({ type: 'int' }) id!: number;
  @Column({ type: 'varchar' }) username!: string;
  @DeleteDateColumn({ name: 'deleted_at', type: 'datetime' }) deletedAt!: Date | null;
}

/** Where a column has no zone, Django writes local time with USE_TZ = False, or with a TIME_ZONE of its own. */
const WITHOUT_ZONE = ['sqlite', 'mariadb'] as const;

const textOf = (epochMs: number): string =>
  `${new Date(epochMs).toISOString().slice(0, 23).replace('T', ' ')}000`;

describeOn(WITHOUT_ZONE, 'where Django may have written local time, on %s', (name) => {
  let database: TestDatabase;
  let test: DjangoApp | undefined;
  beforeEach(async () => {
    database = await createDjangoDatabase(name);
  });
  afterEach(async () => {
    await test?.close();
    test = undefined;
    await database.drop();
  });

  /** Writes a token of John as a Django does whose zone is so far from UTC. */
  const put = async (age: number, ttl: number, offset: number) => {
    const now = Date.now();
    const [created, expiry] = [now - age, now - age + ttl].map((at) => textOf(at + offset));
    const dataSource = await new DataSource(database.options).initialize();
    await dataSource.query(
      'INSERT INTO knox_authtoken (digest, token_key, user_id, created, expiry) ' +
        `VALUES ('${DIGEST}', '${TOKEN.slice(0, 15)}', 1, '${created!}', '${expiry!}')`,
    );
    await dataSource.destroy();
  };
  const start = async (options?: DjangoAppOptions) =>
    (test = await startDjangoApp(database, options));
  const isKept = async () => (await test!.rows()).some(({ digest }) => digest === DIGEST);

  it.each([
    ['in Tokyo', 9 * HOUR],
    ['in London in summer', HOUR],
    ['at the date line', 14 * HOUR],
  ])('does not start on a token that was just made %s', async (_, offset) => {
    await put(MINUTE, HOUR, offset);
    const error = await start().catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(KnoxConfigError);
    expect((error as Error).message).toBe(
      'KnoxModule option "tokenEntity": the table knox_authtoken has a token that was made later than ' +
        'now. Its instants must be in UTC; in Django, set USE_TZ = True and no TIME_ZONE in DATABASES, or ' +
        'correct the clock of one of the servers.',
    );
  });

  it('starts if a clock is some minutes ahead', async () => {
    await put(0, HOUR, 5 * MINUTE);
    await start();
    expect((await test!.client.get('/me', { token: TOKEN })).status).toBe(200);
  });

  it.each([
    ['in Chicago, for an hour', 0, HOUR, -6 * HOUR],
    ['in Chicago half an hour ago', HOUR / 2, HOUR, -6 * HOUR],
    ['on the Azores, for a minute', 0, MINUTE, -HOUR],
    ['at the date line, for ten hours', 9 * HOUR, 10 * HOUR, -12 * HOUR],
  ])('refuses a token that was made %s, and never deletes it', async (_, age, ttl, offset) => {
    await put(age, ttl, offset);
    const { client, tokens, login } = await start();
    expect((await client.get('/me', { token: TOKEN })).status).toBe(401);
    expect(await isKept()).toBe(true);
    await login('john.doe');
    await tokens.deleteExpired();
    expect(await isKept()).toBe(true);
  });

  it('refuses an expired token that was made later than now, and does not delete it', async () => {
    const { client } = await start();
    await put(-HOUR, -2 * HOUR, 0);
    expect((await client.get('/me', { token: TOKEN })).status).toBe(401);
    expect(await isKept()).toBe(true);
  });

  it.each([
    ['was made within the hour', HOUR / 2, MINUTE],
    ['has been expired for twelve hours', 23 * HOUR, 11 * HOUR],
  ])('deletes an expired token that %s', async (_, age, ttl) => {
    await put(age, ttl, 0);
    const { client } = await start();
    expect((await client.get('/me', { token: TOKEN })).status).toBe(401);
    expect(await isKept()).toBe(false);
  });

  it.each([
    ['keeps one that may be good in Django', 0, HOUR, -6 * HOUR, true],
    ['deletes one that no zone can make good', 23 * HOUR, 11 * HOUR, 0, false],
  ])('of a user that is soft-deleted, %s', async (_, age, ttl, offset, kept) => {
    const dataSource = await new DataSource(database.options).initialize();
    await dataSource.query('ALTER TABLE auth_user ADD deleted_at datetime NULL');
    await dataSource.query("UPDATE auth_user SET deleted_at = '2026-01-01 00:00:00' WHERE id = 1");
    await dataSource.destroy();
    await put(age, ttl, offset);
    const tokenEntity = djangoAuthToken(() => Member);
    const { client } = await start({ owner: Member, knox: { tokenEntity } });
    expect((await client.get('/me', { token: TOKEN })).status).toBe(401);
    expect(await isKept()).toBe(kept);
  });
});
