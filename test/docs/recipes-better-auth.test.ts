import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Module, UseGuards, type INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { AuthToken, CurrentUser, KnoxAuthGuard } from '../../lib/index.ts';
import { createDatabase, type TestDatabase } from '../support/databases.ts';
import { HttpClient, type Answer } from '../support/http-client.ts';
import { Account, isPassword, User } from './recipes/better-auth-users.ts';
import { AuthModule, OldSession } from './recipes/from-better-auth.ts';

/** The tables, the rows and the cookie are those of better-auth 1.7 on SQLite. */
const TABLES = [
  'CREATE TABLE "user" ("id" text not null primary key, "name" text not null, "email" text not null unique, "emailVerified" integer not null, "image" text, "createdAt" date not null, "updatedAt" date not null)',
  'CREATE TABLE "session" ("id" text not null primary key, "expiresAt" date not null, "token" text not null unique, "createdAt" date not null, "updatedAt" date not null, "ipAddress" text, "userAgent" text, "userId" text not null references "user" ("id") on delete cascade)',
  'CREATE TABLE "account" ("id" text not null primary key, "accountId" text not null, "providerId" text not null, "userId" text not null references "user" ("id") on delete cascade, "accessToken" text, "refreshToken" text, "idToken" text, "accessTokenExpiresAt" date, "refreshTokenExpiresAt" date, "scope" text, "password" text, "createdAt" date not null, "updatedAt" date not null)',
];
const MADE = '2026-11-29T09:00:07.209Z';
const ADA = 'Alng8jlyFI6c2U7C2MLHc5UNnrxCx1bn';
const PASSWORD_HASH =
  'f6cf9514a0e6a43574e5a6348719f4eb:43010e023c5ddae4b1e7acd30bdfd6770d7a1a70e2f44de49815d9c4d2494f27c5b083da18d4761f72387999293a5e537233c58df70fa22ec0042f626896e042';
const SECRET = 'a secret of this test, which is long enough';
const TOKEN = 'RJxNjdvwxOeTzhgASnMxKNuEY86gh38L';
const COOKIE =
  'better-auth.session_token=RJxNjdvwxOeTzhgASnMxKNuEY86gh38L.2%2FTxg%2FAfUux0ieLbPdtjLM6dj3NVSVgxwMt%2FJ6grSjU%3D';

const LOGIN = { email: 'ada@example.org', password: 'correct horse' };

@Controller('me')
@UseGuards(KnoxAuthGuard)
class MeController {
  @Get()
  me(@CurrentUser() { email }: User) {
    return { email };
  }
}

/** The cookies of an answer, as a browser sends them back. */
function cookiesOf({ headers }: Answer): string {
  return (headers['set-cookie'] ?? []).map((line) => line.split(';')[0]!).join('; ');
}

/** A cookie that better-auth would make of this token with this secret. */
function signed(token: string, secret: string): string {
  const signature = createHmac('sha256', secret).update(token).digest('base64');
  return `better-auth.session_token=${encodeURIComponent(`${token}.${signature}`)}`;
}

describe('an application that moves from better-auth', () => {
  let database: TestDatabase;
  let app: INestApplication;
  let client: HttpClient;
  let dataSource: DataSource;
  beforeAll(async () => {
    process.env.BETTER_AUTH_SECRET = SECRET;
    database = await createDatabase('sqlite');
    const before = await new DataSource(database.options).initialize();
    for (const table of TABLES) await before.query(table);
    await before.query('INSERT INTO "user" VALUES (?, ?, ?, 0, NULL, ?, ?)', [
      ADA,
      'Ada',
      LOGIN.email,
      MADE,
      MADE,
    ]);
    await before.query(
      'INSERT INTO "account" ("id", "accountId", "providerId", "userId", "password", "createdAt", "updatedAt") VALUES (?, ?, ?, ?, ?, ?, ?)',
      ['DlLOyeGCMRlU7xmG8vpE3XdItHzavDWl', ADA, 'credential', ADA, PASSWORD_HASH, MADE, MADE],
    );
    await before.destroy();

    @Module({
      imports: [
        TypeOrmModule.forRoot({
          ...database.options,
          entities: [User, Account, OldSession, AuthToken],
          synchronize: true,
        }),
        AuthModule,
      ],
      controllers: [MeController],
    })
    class TestModule {}
    app = await NestFactory.create(TestModule, { logger: false });
    await app.listen(0, '127.0.0.1');
    client = new HttpClient(await app.getUrl());
    dataSource = app.get(DataSource);
  });
  afterAll(async () => {
    await app.close();
    await database.drop();
  });

  const addSession = (expiresAt: Date) =>
    dataSource.query('INSERT INTO "session" VALUES (?, ?, ?, ?, ?, ?, ?, ?)', [
      'Uy9WILbvVPCgPE5i244deRyCmT6bziE9',
      expiresAt.toISOString(),
      TOKEN,
      MADE,
      MADE,
      '',
      '',
      ADA,
    ]);
  beforeEach(async () => {
    await dataSource.query('DELETE FROM "session"');
    await addSession(new Date(Date.now() + 3_600_000));
  });

  const exchange = (cookie: string) =>
    client.post('/auth/login?from=better-auth', { headers: { cookie } });
  const me = (answer: Answer) => client.get('/me', { headers: { cookie: cookiesOf(answer) } });

  it('takes an old session for a login, once', async () => {
    const answer = await exchange(`theme=dark; ${COOKIE}`);
    expect(answer.status).toBe(200);
    expect((await me(answer)).body).toEqual({ email: LOGIN.email });
    expect(await dataSource.query('SELECT * FROM "session"')).toEqual([]);
    expect((await exchange(COOKIE)).status).toBe(403);
  });

  it('takes the cookie of https too', async () => {
    expect((await exchange(`__Secure-${COOKIE}`)).status).toBe(200);
  });

  it('takes no session that has expired', async () => {
    await dataSource.query('DELETE FROM "session"');
    await addSession(new Date(Date.now() - 1));
    expect((await exchange(COOKIE)).status).toBe(403);
  });

  it('takes no cookie that better-auth has not signed', async () => {
    expect(signed(TOKEN, SECRET)).toBe(COOKIE);
    const forged = ['', signed(TOKEN, 'another secret'), signed('another token', SECRET)];
    forged.push(`better-auth.session_token=${TOKEN}`, 'better-auth.session_token=%E0%A4%A');
    for (const cookie of forged) expect((await exchange(cookie)).status).toBe(403);
    expect(await dataSource.query('SELECT * FROM "session"')).toHaveLength(1);
  });

  it('takes the passwords that better-auth has hashed', async () => {
    const login = (body: object) => client.post('/auth/login', { body });
    expect((await me(await login(LOGIN))).body).toEqual({ email: LOGIN.email });
    expect((await login({ ...LOGIN, email: 'Ada@Example.org' })).status).toBe(200);
    for (const wrong of [{ password: 'wrong' }, { email: 'eve@example.org' }]) {
      expect((await login({ ...LOGIN, ...wrong })).body.code).toBe('invalid_credentials');
    }
    expect(await isPassword('none:', '')).toBe(false);
  });
});
