import {
  Module,
  type ConfigurableModuleAsyncOptions,
  type DynamicModule,
  type OnModuleInit,
} from '@nestjs/common';
import { ModulesContainer } from '@nestjs/core';
import { KnoxConfigError } from './errors/knox-config.error.ts';
import { ConfigurableModuleClass } from './knox.module-definition.ts';
import {
  EXPORTED_PROVIDERS,
  defaultController,
  entityFeature,
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

type ModuleInContainer = ModulesContainer extends Map<string, infer M> ? M : never;

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

  /** @throws KnoxConfigError if the options depend on a request-scoped provider */
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
    controllers: settings.controller ? [defaultController(settings.path)] : [],
    providers: [...(definition.providers ?? []), ...knoxProviders(settings)],
    exports: [...EXPORTED_PROVIDERS, entities],
  };
}
