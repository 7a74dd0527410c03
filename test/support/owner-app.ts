import { Controller, Get, Module, UseGuards, type INestApplication } from '@nestjs/common';
import type { ModuleMetadata, Type } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { Test } from '@nestjs/testing';
import { getDataSourceToken, TypeOrmModule, type TypeOrmModuleOptions } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import {
  AuthToken,
  CurrentUser,
  KnoxAuthGuard,
  KnoxModule,
  TokenService,
  type AbstractAuthToken,
  type KnoxModuleOptions,
} from '../../lib/index.ts';
import { HttpClient } from './http-client.ts';

/** Answers with the owner, under the name of its class. */
@Controller('owner')
@UseGuards(KnoxAuthGuard)
class OwnerController {
  @Get()
  owner(@CurrentUser() user: object): object {
    return { class: user.constructor.name, ...user };
  }
}

interface OwnerAppOptions {
  /** Connection and entities. `synchronize` is true by default. */
  dataSource: TypeOrmModuleOptions;
  /** The class that owns the tokens. A login finds the owner by `username` and accepts any password. */
  owner: Type<object>;
  knox?: KnoxModuleOptions;
  imports?: NonNullable<ModuleMetadata['imports']>;
  controllers?: Type<unknown>[];
}

export interface OwnerApp<Token extends AbstractAuthToken> {
  readonly app: INestApplication;
  readonly client: HttpClient;
  readonly dataSource: DataSource;
  readonly tokens: TokenService<Token>;
  login(username: string): Promise<string>;
  close(): Promise<void>;
}

/** Starts an application whose tokens belong to entities of the test. */
export async function startOwnerApp<Token extends AbstractAuthToken = AuthToken>({
  dataSource: options,
  owner,
  knox = {},
  imports = [],
  controllers = [],
}: OwnerAppOptions): Promise<OwnerApp<Token>> {
  const verifyCredentials = (username: string) =>
    dataSource.getRepository(owner).findOneBy({ username });

  @Module({
    imports: [
      TypeOrmModule.forRoot({ synchronize: true, retryAttempts: 1, ...options }),
      ...imports,
      KnoxModule.forRoot({ verifyCredentials, ...knox }),
    ],
    controllers: [OwnerController, ...controllers],
  })
  class AppModule {}

  const testing = await Test.createTestingModule({ imports: [AppModule] }).compile();
  const app = testing.createNestApplication(new ExpressAdapter(), { logger: false });
  try {
    await app.listen(0, '127.0.0.1');
  } catch (error) {
    await app.close();
    throw error;
  }
  const dataSource = app.get<DataSource>(getDataSourceToken(knox.dataSource));
  const client = new HttpClient(await app.getUrl());
  return {
    app,
    client,
    dataSource,
    tokens: app.get<TokenService<Token>>(TokenService),
    login: (username) => client.newToken({ body: { username, password: 'any' } }),
    close: () => app.close(),
  };
}
