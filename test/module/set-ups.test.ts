import {
  Controller,
  forwardRef,
  Get,
  Inject,
  Injectable,
  Module,
  Scope,
  UseGuards,
  type DynamicModule,
  type ModuleMetadata,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { getDataSourceToken } from '@nestjs/typeorm';
import { afterEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { KnoxAuthGuard, KnoxConfigError, KnoxModule, TokenService } from '../../lib/index.ts';
import { startApp } from '../support/app.ts';
import {
  closeModules,
  knox,
  knoxAsync,
  memoryDatabase,
  saveUser,
  startError,
  startModule,
  verifyCredentials,
} from '../support/test-module.ts';
import { User } from '../support/users.ts';
import { AuthToken } from '../../lib/index.ts';

afterEach(closeModules);

describe('A guard that was made with `new` stops the start', () => {
  class HandlerController {
    @Get()
    @UseGuards(new KnoxAuthGuard())
    get(): string {
      return 'open?';
    }
  }
  Controller('handler')(HandlerController);

  @Controller('class')
  @UseGuards(new KnoxAuthGuard())
  class ClassController {
    @Get()
    get(): string {
      return 'open?';
    }
  }

  @Controller('heir')
  class HeirController extends HandlerController {}

  it.each([
    ['on a handler', HandlerController],
    ['on a class', ClassController],
    ['on a handler that is inherited', HeirController],
  ])('%s', async (_, controller) => {
    const error = await startError({
      imports: [memoryDatabase(), knox()],
      controllers: [controller],
    });
    expect(error).toBeInstanceOf(KnoxConfigError);
    expect(error.message).toMatch(
      /has a KnoxAuthGuard that was made with `new`.*@UseGuards\(KnoxAuthGuard\)/,
    );
  });

  it('for the whole application', async () => {
    const starting = startApp({ configure: (app) => app.useGlobalGuards(new KnoxAuthGuard()) });
    await expect(starting).rejects.toThrow(
      /app\.useGlobalGuards\(\) has a KnoxAuthGuard that was made/,
    );
  });

  it('and not one that NestJS made', async () => {
    const test = await startApp({
      providers: [KnoxAuthGuard, { provide: APP_GUARD, useExisting: KnoxAuthGuard }],
      configure: (app) => app.useGlobalGuards(app.get(KnoxAuthGuard)),
    });
    expect((await test.client.get('/me')).status).toBe(401);
    expect((await test.client.get('/me', { token: await test.login() })).status).toBe(200);
    await test.close();
  });
});

describe('A data source that is request-scoped', () => {
  it.each([false, true])('stops the start (durable: %s)', async (durable) => {
    @Module({})
    class TenantModule {}
    const tenants: DynamicModule = {
      module: TenantModule,
      global: true,
      providers: [
        {
          provide: getDataSourceToken(),
          scope: Scope.REQUEST,
          durable,
          useFactory: () =>
            new DataSource({
              type: 'better-sqlite3',
              database: ':memory:',
              entities: [User, AuthToken],
            }).initialize(),
        },
      ],
      exports: [getDataSourceToken()],
    };
    const error = await startError({ imports: [tenants, knox()] });
    expect(error).toBeInstanceOf(KnoxConfigError);
    expect(error.message).toMatch(/option "dataSource": the data source is request-scoped/);
  });
});

describe('A service that the options need, and that needs TokenService', () => {
  const around = (injected: (service: unknown) => unknown): ModuleMetadata['imports'] => {
    @Injectable()
    class UsersService {
      @Inject(forwardRef(() => TokenService))
      readonly tokens!: TokenService;
    }
    @Module({ providers: [UsersService], exports: [UsersService] })
    class UsersModule {}
    return [
      memoryDatabase(),
      UsersModule,
      knoxAsync({
        imports: [UsersModule],
        inject: [injected(UsersService) as never],
        useFactory: (users: UsersService) => ({
          verifyCredentials: () => users.tokens.list({}).then(() => null),
        }),
      }),
    ];
  };

  it('injects it with forwardRef', async () => {
    const app = await startModule({ imports: around((service) => service) });
    const { token } = await app.get(TokenService).create(await saveUser(app));
    expect(token).toHaveLength(64);
  });

  it('is not injected with forwardRef by the options too, which the error says', async () => {
    const error = await startError({
      imports: around((service) => forwardRef(() => service as never)),
    });
    expect(error).toBeInstanceOf(KnoxConfigError);
    expect(error.message).toMatch(
      /option "useFactory": .*@Inject\(forwardRef\(\(\) => TokenService\)\)/,
    );
  });
});

describe('A subclass of KnoxModule', () => {
  it('needs only the modules of the container', async () => {
    class AppKnoxModule extends KnoxModule {}
    const error = await startError({
      imports: [
        memoryDatabase(),
        knox(),
        { ...KnoxModule.forRoot({ verifyCredentials }), module: AppKnoxModule },
      ],
    });
    expect(error.message).toContain('KnoxModule is imported more than once for the realm');
  });
});
