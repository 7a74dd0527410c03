import { readFileSync } from 'node:fs';
import { Controller, Get, UseGuards, type Type } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { Module } from '@nestjs/common';
import { DataSource } from 'typeorm';
import {
  DjangoAuthToken,
  DjangoExceptionFilter,
  djangoExpiry,
  DjangoUser,
  verifyDjangoPassword,
} from '../../lib/django/index.ts';
import {
  CurrentToken,
  CurrentUser,
  KnoxAuthGuard,
  type AbstractAuthToken,
  type KnoxModuleOptions,
} from '../../lib/index.ts';
import { createDatabase, type DatabaseName, type TestDatabase } from './databases.ts';
import type { Answer } from './http-client.ts';
import { startOwnerApp, type OwnerApp } from './owner-app.ts';

const FIXTURE = new URL('../fixtures/django-rest-knox/', import.meta.url);

const read = (file: string): string => readFileSync(new URL(file, FIXTURE), 'utf8');

/** A raw token of the fixture. */
interface RecordedToken {
  kind: string;
  user: string;
  token: string;
  expiry?: string | null;
  loginAnswer?: { expiry: string };
}

/** An answer that Django gave. */
interface RecordedAnswer {
  case: string;
  status: number;
  body: object;
  wwwAuthenticate: string | null;
}

export const { tokens: TOKENS, errors: RECORDED } = JSON.parse(read('tokens.json')) as {
  tokens: RecordedToken[];
  errors: RecordedAnswer[];
};

export const TOKEN_ROWS = JSON.parse(read('token-rows.json')) as {
  token: string;
  digest: string;
  tokenKey: string;
}[];

/** Status, body and challenge of an answer, in the form of the fixture. */
export const publicFields = ({ status, body, headers }: Answer): Omit<RecordedAnswer, 'case'> => ({
  status,
  body,
  wwwAuthenticate: headers['www-authenticate'] ?? null,
});

export const tokenOf = (kind: string): string =>
  TOKENS.find((recorded) => recorded.kind === kind)!.token;

/** A new database with the tables that Django made and the rows that knox wrote. */
export async function createDjangoDatabase(name: DatabaseName): Promise<TestDatabase> {
  const database = await createDatabase(name);
  // Not the application's connection: the dump leaves its session without a search path.
  const dataSource = await new DataSource({
    ...database.options,
    ...(name === 'mariadb' && { multipleStatements: true }),
  }).initialize();
  const sql = read(`${name}.sql`);
  if (name === 'sqlite') (dataSource.driver as any).databaseConnection.exec(sql);
  else await dataSource.query(sql);
  await dataSource.destroy();
  return database;
}

@Controller('me')
@UseGuards(KnoxAuthGuard)
class DjangoMeController {
  @Get()
  me(@CurrentUser() user: DjangoUser, @CurrentToken() token: AbstractAuthToken): object {
    const { tokenKey, created, expiry } = token;
    return { username: user.username, tokenKey, created, expiry };
  }
}

@Module({ providers: [{ provide: APP_FILTER, useClass: DjangoExceptionFilter }] })
class AnswersModule {}

export interface DjangoApp<
  Token extends AbstractAuthToken = DjangoAuthToken,
> extends OwnerApp<Token> {
  /** All rows of the token table, with instants as text. */
  rows(): Promise<TokenRow[]>;
  user(username: string): Promise<DjangoUser>;
}

export interface TokenRow {
  digest: string;
  token_key: string;
  user_id: number;
  created: string;
  expiry: string | null;
}

export interface DjangoAppOptions {
  knox?: KnoxModuleOptions;
  owner?: Type<object>;
  /** Options of the data source. */
  options?: object;
  entities?: Type<object>[];
}

/** An application on Django's tables. Its data source has `synchronize`, which must leave them alone. */
export async function startDjangoApp<Token extends AbstractAuthToken = DjangoAuthToken>(
  database: TestDatabase,
  { knox = {}, owner = DjangoUser, options = {}, entities }: DjangoAppOptions = {},
): Promise<DjangoApp<Token>> {
  const tokenEntity = (knox.tokenEntity ?? DjangoAuthToken) as Type<object>;
  const found: { dataSource?: DataSource } = {};
  const test = await startOwnerApp<Token>({
    dataSource: {
      ...database.options,
      ...options,
      entities: entities ?? [owner, tokenEntity],
    },
    owner,
    imports: [AnswersModule],
    controllers: [DjangoMeController],
    knox: {
      verifyCredentials: async (username, password) => {
        const user = await findUser(found.dataSource!, owner, username);
        return (await verifyDjangoPassword(password, user?.password)) ? user : null;
      },
      formatExpiry: djangoExpiry('America/Chicago'),
      ...knox,
      tokenEntity,
    } as KnoxModuleOptions,
  });
  found.dataSource = test.dataSource;
  return Object.assign(test, {
    rows: () => rowsOf(test.dataSource),
    user: async (username: string) => (await findUser(test.dataSource, owner, username))!,
    login: (username: string) => test.client.newToken({ basic: [username, 'hunter2'] }),
  });
}

const findUser = (dataSource: DataSource, owner: Type<object>, username: string) =>
  dataSource
    .createQueryBuilder(owner as Type<DjangoUser>, 'user')
    .addSelect('user.password')
    .where({ username })
    .getOne();

/** The instants as text, in UTC. */
async function rowsOf(dataSource: DataSource): Promise<TokenRow[]> {
  const { type } = dataSource.options;
  const text = (column: string): string => {
    if (type === 'postgres') {
      return `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US') AS ${column}`;
    }
    return `CAST(${column} AS CHAR) AS ${column}`;
  };
  return dataSource.query(
    `SELECT digest, token_key, user_id, ${text('created')}, ${text('expiry')} FROM knox_authtoken ORDER BY digest`,
  );
}
