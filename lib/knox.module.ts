import {
  Logger,
  Module,
  type ConfigurableModuleAsyncOptions,
  type DynamicModule,
  type OnModuleInit,
} from '@nestjs/common';
import { ApplicationConfig, ModulesContainer } from '@nestjs/core';
import { countCopies, KNOX_MODULE, ONE_COPY } from './copies.ts';
import { KnoxConfigError } from './errors/knox-config.error.ts';
import { warnOfOpenGateways } from './http/gateway.check.ts';
import { checkGuards } from './http/guard.check.ts';
import { checkRealms } from './http/realm.check.ts';
import { Realms } from './http/realms.ts';
import { checkImports, knoxModulesIn } from './imports.check.ts';
import { ConfigurableModuleClass } from './knox.module-definition.ts';
import {
  defaultControllers,
  entityFeature,
  exportedProviders,
  knoxProviders,
} from './knox.providers.ts';
import { givenOptions } from './options/given-options.ts';
import { KNOX_SETTINGS, type KnoxRuntimeOptions } from './options/runtime-options.ts';
import {
  resolveStaticOptions,
  validateAsyncOptions,
  validateOptions,
  type ForRootExtras,
  type KnoxStaticOptions,
  type StaticSettings,
} from './static-options.ts';
import { TokenStore } from './store/token.store.ts';

/** The options of `KnoxModule.forRoot`. */
export type KnoxModuleOptions = KnoxRuntimeOptions & ForRootExtras;

/** The options of `KnoxModule.forRootAsync`. */
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
 * Server-side tokens for NestJS. Imported in the application's root module: once, or once for each realm.
 *
 * @publicApi
 */
@Module({})
export class KnoxModule extends ConfigurableModuleClass implements OnModuleInit {
  /** Subclasses inherit it, and other copies of the package read it. */
  static readonly [KNOX_MODULE] = true;

  readonly #modules: ModulesContainer;
  readonly #config: ApplicationConfig | undefined;

  /** @throws KnoxConfigError if the application imports it without options, or twice for one realm, path or table */
  constructor(modules: ModulesContainer, config?: ApplicationConfig) {
    super();
    this.#modules = modules;
    this.#config = config;
    const copies = countCopies();
    if (copies > 1) {
      new Logger('KnoxModule').warn(
        `${String(copies)} copies of nestjs-knox are loaded in this process. The guards and entities of one mean nothing ` +
          `to the KnoxModule of another; ${ONE_COPY}.`,
      );
    }
    checkImports(
      modules,
      (metatype) =>
        metatype === KnoxModule ||
        (metatype as Partial<typeof KnoxModule>).prototype instanceof KnoxModule,
    );
  }

  /**
   * @throws KnoxConfigError if the options or the data source depend on a request-scoped provider, if a guard was made
   * with `new`, or if a handler asks a realm that there is not
   */
  onModuleInit(): void {
    const imported = knoxModulesIn(this.#modules);
    for (const { providers } of imported) {
      if (providers.get(KNOX_SETTINGS)?.isDependencyTreeStatic() === false) {
        throw new KnoxConfigError(
          'inject',
          'the options are read once, at start; inject providers that are not request-scoped.',
        );
      }
      if (providers.get(TokenStore)?.isDependencyTreeStatic() === false) {
        throw new KnoxConfigError(
          'dataSource',
          'the data source is request-scoped, so that each request would open connections of its own; give one that is ' +
            'made at the start.',
        );
      }
    }
    const globalGuards = this.#config?.getGlobalGuards() ?? [];
    checkGuards(this.#modules, globalGuards);
    warnOfOpenGateways(this.#modules, globalGuards);
    const realms = imported[0]?.providers.get(Realms)?.instance as Realms;
    checkRealms(this.#modules, realms);
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
        { ...super.forRoot(options), imports: givenOptions(options).imports ?? [] },
      ];
    });
  }

  /**
   * Static options, beside `imports`, `inject` and one of `useFactory`, `useClass` and `useExisting`, which give the
   * runtime options.
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
 * The module that the static options describe. Throw an error only when the application starts: thrown here, it
 * would reach the `import` of the file that calls `forRoot`.
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
  const entities = entityFeature(settings);
  return {
    ...definition,
    global: settings.isGlobal,
    imports: [...(definition.imports ?? []), entities],
    controllers: defaultControllers(settings),
    providers: [...(definition.providers ?? []), ...knoxProviders(settings)],
    exports: [...exportedProviders(settings), entities],
  };
}
