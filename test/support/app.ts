import { Controller, Get, Module, UseGuards, type ModuleMetadata, type Type } from '@nestjs/common';
import type { INestApplication } from '@nestjs/common';
import type { AbstractHttpAdapter } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DataSource, type Repository } from 'typeorm';
import {
  AuthToken,
  CurrentToken,
  CurrentUser,
  KnoxAuthGuard,
  KnoxModule,
  TokenService,
  type KnoxModuleOptions,
} from '../../lib/index.ts';
import { createDatabase, type DatabaseName, type TestDatabase } from './databases.ts';
import { HttpClient } from './http-client.ts';
import { User } from './users.ts';

export type AdapterName = 'express' | 'fastify';

@Controller('me')
@UseGuards(KnoxAuthGuard)
export class MeController {
  @Get()
  me(@CurrentUser() user: User, @CurrentToken() token: AuthToken): object {
    return {
      username: user.username,
      isUser: user instanceof User,
      tokenKey: token.tokenKey,
      expiry: token.expiry,
    };
  }
}

export interface TestAppOptions {
  adapter?: AdapterName;
  database?: DatabaseName;
  /** Runtime and static options. By default `verifyCredentials` looks for the user in the database. */
  knox?: KnoxModuleOptions;
  /** Instead of KnoxModule.forRoot(knox). */
  knoxModule?: NonNullable<ModuleMetadata['imports']>[number];
  entities?: (new () => object)[];
  imports?: ModuleMetadata['imports'];
  controllers?: ModuleMetadata['controllers'];
  providers?: ModuleMetadata['providers'];
  /** Is called before the application listens, to add middleware or global guards. */
  configure?: (app: INestApplication) => void;
  /** Instead of NestJS's testing module. */
  create?: (module: Type<object>, adapter: AbstractHttpAdapter) => Promise<INestApplication>;
}

/** An application that listens on a free port, with the users john.doe and jane.doe. */
export interface TestApp {
  readonly app: INestApplication;
  readonly client: HttpClient;
  readonly dataSource: DataSource;
  readonly tokens: TokenService;
  readonly users: Repository<User>;
  readonly rows: Repository<AuthToken>;
  readonly john: User;
  readonly jane: User;
  /** Logs in with JSON. Gives the raw token. */
  login(username?: string): Promise<string>;
  close(): Promise<void>;
}

/** Loads one adapter only: each takes a while, and few test files need both. */
async function adapterOf(name: AdapterName): Promise<AbstractHttpAdapter> {
  if (name === 'fastify') {
    return new (await import('@nestjs/platform-fastify')).FastifyAdapter();
  }
  return new (await import('@nestjs/platform-express')).ExpressAdapter();
}

async function createTestingApp(
  module: Type<object>,
  adapter: AbstractHttpAdapter,
): Promise<INestApplication> {
  const builder = Test.createTestingModule({ imports: [module] });
  return (await builder.compile()).createNestApplication(adapter, { logger: false });
}

export const PASSWORD = 'hunter2';

export async function startApp(options: TestAppOptions = {}): Promise<TestApp> {
  const database = await createDatabase(options.database ?? 'sqlite');
  try {
    return await startOn(database, options);
  } catch (error) {
    await database.drop();
    throw error;
  }
}

async function startOn(database: TestDatabase, options: TestAppOptions): Promise<TestApp> {
  const found: { dataSource?: DataSource } = {};
  const verifyCredentials = async (username: string, password: string): Promise<User | null> => {
    const user = await found.dataSource!.getRepository(User).findOneBy({ username });
    return user?.password === password ? user : null;
  };
  const knoxModule =
    options.knoxModule ?? KnoxModule.forRoot({ verifyCredentials, ...options.knox });

  @Module({
    imports: [
      TypeOrmModule.forRoot({
        ...database.options,
        entities: options.entities ?? [User, AuthToken],
        synchronize: true,
        retryAttempts: 1,
      }),
      ...(options.imports ?? []),
      knoxModule,
    ],
    controllers: [MeController, ...(options.controllers ?? [])],
    providers: options.providers ?? [],
  })
  class AppModule {}

  const adapter = await adapterOf(options.adapter ?? 'express');
  const app = await (options.create ?? createTestingApp)(AppModule, adapter);
  options.configure?.(app);
  await app.listen(0, '127.0.0.1');
  const dataSource = app.get(DataSource);
  found.dataSource = dataSource;
  const client = new HttpClient((await app.getUrl()).replace('[::1]', '127.0.0.1'));
  const users = dataSource.getRepository(User);
  const save = (username: string): Promise<User> =>
    users.save(users.create({ username, password: PASSWORD, isActive: true }));
  const hasUsers = dataSource.hasMetadata(User);
  return {
    app,
    client,
    dataSource,
    users,
    tokens: app.get(TokenService),
    rows: dataSource.getRepository(AuthToken),
    john: hasUsers ? await save('john.doe') : (undefined as never),
    jane: hasUsers ? await save('jane.doe') : (undefined as never),
    login: (username = 'john.doe') => client.newToken({ body: { username, password: PASSWORD } }),
    async close() {
      await app.close();
      await database.drop();
    },
  };
}
