import {
  Controller,
  Module,
  type ConfigurableModuleAsyncOptions,
  type DynamicModule,
  type FactoryProvider,
  type OnModuleInit,
  type Provider,
  type Type,
} from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { EventPublisher } from './events/event.publisher.ts';
import { KnoxController } from './http/knox.controller.ts';
import { KnoxStrategy } from './http/knox.strategy.ts';
import { LoginParseErrorHandler } from './http/login-parse-error.handler.ts';
import { KnoxLoginGuard } from './http/knox-login.guard.ts';
import { LOGIN_GUARDS } from './http/knox-login-route.guard.ts';
import { RequestAuthenticator } from './http/request-authenticator.ts';
import { LoginFlow } from './http/login.flow.ts';
import { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } from './knox.module-definition.ts';
import { KnoxConfigError } from './errors/knox-config.error.ts';
import { resolveOptions } from './options/resolve-options.ts';
import type { KnoxRuntimeOptions, KnoxSettings } from './options/runtime-options.ts';
import { KNOX_SETTINGS } from './service/knox.settings.ts';
import { TokenAuthenticator } from './service/token.authenticator.ts';
import { TokenIssuer } from './service/token.issuer.ts';
import { TokenRevoker } from './service/token.revoker.ts';
import { TokenService } from './service/token.service.ts';
import { UserStatus } from './service/user-status.ts';
import {
  validateAsyncOptions,
  validateFactoryResult,
  validateLoginGuards,
  validateOptions,
  resolveStaticOptions,
  type ForRootExtras,
  type KnoxStaticOptions,
  type StaticSettings,
} from './static-options.ts';
import { TokenStore } from './store/token.store.ts';

type ModuleInContainer = ModulesContainer extends Map<string, infer M> ? M : never;

/** What `KnoxModule.forRoot` takes. */
export type KnoxModuleOptions = KnoxRuntimeOptions & ForRootExtras;

/** What `KnoxModule.forRootAsync` takes. */
export type KnoxModuleAsyncOptions = ConfigurableModuleAsyncOptions<
  KnoxRuntimeOptions,
  'createKnoxOptions'
> &
  KnoxStaticOptions;

/** A class that makes the runtime options, for `useClass` and `useExisting`. */
export interface KnoxOptionsFactory {
  createKnoxOptions(): KnoxRuntimeOptions | Promise<KnoxRuntimeOptions>;
}

/**
 * Server-side tokens for NestJS. Imported once, in the application's root module.
 *
 * @publicApi
 */
@Module({})
export class KnoxModule extends ConfigurableModuleClass implements OnModuleInit {
  readonly #modules: ModulesContainer;

  /** @throws KnoxConfigError if the application imports it twice, or without options */
  constructor(modules: ModulesContainer) {
    super();
    this.#modules = modules;
    const [imported, ...more] = this.#imported();
    if (more.length > 0) {
      throw new KnoxConfigError(
        'imports',
        'KnoxModule is imported more than once; import it in the root module only, where ' +
          'isGlobal (the default) lets every module use it.',
      );
    }
    if (!imported?.providers.has(KNOX_SETTINGS)) {
      throw new KnoxConfigError(
        'imports',
        'KnoxModule is imported without options; write KnoxModule.forRoot({ … }) or ' +
          'KnoxModule.forRootAsync({ … }).',
      );
    }
  }

  /** @throws KnoxConfigError if the options hang on something that is made anew for each request */
  onModuleInit(): void {
    const settings = this.#imported()[0]?.providers.get(KNOX_SETTINGS);
    if (settings?.isDependencyTreeStatic() !== false) return;
    throw new KnoxConfigError(
      'inject',
      'the options are read once, at start; inject providers that are not request-scoped.',
    );
  }

  #imported(): ModuleInContainer[] {
    return [...this.#modules.values()].filter(
      ({ metatype }) => metatype === KnoxModule || metatype.prototype instanceof KnoxModule,
    );
  }

  /**
   * Static and runtime options in one object.
   *
   * @throws KnoxConfigError while the application starts, if an option is wrong
   */
  static override forRoot(options: KnoxModuleOptions): DynamicModule {
    return buildModule(() => {
      validateOptions(options);
      return [
        resolveStaticOptions(options),
        { ...super.forRoot(options), imports: options.imports ?? [] },
      ];
    });
  }

  /**
   * Static options beside `imports`, `inject` and `useFactory`, `useClass` or `useExisting`, which
   * give the runtime ones.
   *
   * @throws KnoxConfigError while the application starts, if an option is wrong
   */
  static override forRootAsync(options: KnoxModuleAsyncOptions): DynamicModule {
    return buildModule(() => {
      validateAsyncOptions(options);
      return [resolveStaticOptions(options), super.forRootAsync(options)];
    });
  }
}

/**
 * The module as the static options want it. An error waits until the application starts, so that it
 * reaches whoever started it and not whoever imported the file.
 */
function buildModule(define: () => [StaticSettings, DynamicModule]): DynamicModule {
  let settings: StaticSettings;
  let definition: DynamicModule;
  try {
    [settings, definition] = define();
  } catch (error) {
    const useFactory = (): never => {
      throw error;
    };
    return { module: KnoxModule, providers: [{ provide: KNOX_SETTINGS, useFactory }] };
  }
  const { loginGuards, controller, path, isGlobal } = settings;
  const entities = entityFeature(settings);
  return {
    ...definition,
    global: isGlobal,
    imports: [...(definition.imports ?? []), entities],
    controllers: controller ? [defaultController(path)] : [],
    providers: [
      ...(definition.providers ?? []),
      ...new Set([KnoxLoginGuard, ...loginGuards]),
      {
        provide: LOGIN_GUARDS,
        useFactory: validateLoginGuards,
        inject: loginGuards,
      },
      settingsProvider,
      storeProvider(settings),
      UserStatus,
      EventPublisher,
      TokenAuthenticator,
      TokenIssuer,
      TokenRevoker,
      TokenService,
      RequestAuthenticator,
      LoginFlow,
      LoginParseErrorHandler,
      KnoxStrategy,
    ],
    exports: [
      TokenService,
      RequestAuthenticator,
      LoginFlow,
      KnoxLoginGuard,
      LOGIN_GUARDS,
      entities,
    ],
  };
}

const settingsProvider: Provider = {
  provide: KNOX_SETTINGS,
  useFactory: (options: KnoxRuntimeOptions): KnoxSettings => {
    validateFactoryResult(options);
    return resolveOptions(options);
  },
  inject: [MODULE_OPTIONS_TOKEN],
};

/**
 * The repository of the token entity, whose registration lets autoLoadEntities find it. Without a
 * data source the repository is undefined, so that our own error is the one that is seen.
 */
function entityFeature({ tokenEntity, dataSource }: StaticSettings): DynamicModule {
  const feature = TypeOrmModule.forFeature([tokenEntity], dataSource);
  const providers = (feature.providers ?? []).map((provider) => {
    const { useFactory, ...rest } = provider as FactoryProvider;
    return {
      ...rest,
      useFactory: (source: DataSource | undefined): unknown => source && useFactory(source),
      inject: [{ token: getDataSourceToken(dataSource), optional: true }],
    };
  });
  return { ...feature, providers, exports: providers };
}

function storeProvider({ tokenEntity, dataSource }: StaticSettings): Provider {
  return {
    provide: TokenStore,
    useFactory: (settings: KnoxSettings, source: DataSource | undefined): TokenStore => {
      if (source) return new TokenStore(source, tokenEntity, settings.userRelations);
      throw new KnoxConfigError(
        'dataSource',
        `there is no ${dataSource} TypeORM data source; import TypeOrmModule.forRoot(…) ` +
          'in the root module, or name another one.',
      );
    },
    inject: [KNOX_SETTINGS, { token: getDataSourceToken(dataSource), optional: true }],
  };
}

/** A class of its own for each application: a decorator writes on the class it stands on. */
function defaultController(path: string): Type<unknown> {
  const DefaultController = class extends KnoxController {};
  Object.defineProperty(DefaultController, 'name', { value: 'KnoxController' });
  Controller(path)(DefaultController);
  return DefaultController;
}
