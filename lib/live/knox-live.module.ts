import { Module, type DynamicModule, type OnModuleInit } from '@nestjs/common';
import { ModuleRef, ModulesContainer } from '@nestjs/core';
import { KnoxConfigError } from '../errors/knox-config.error.ts';
import { realmsOfApp } from '../http/realms-of-app.ts';
import { LIVE_MODULE, resolveLiveOptions, type KnoxLiveOptions } from './live-options.ts';
import { LIVE_SETTINGS, LiveTokens } from './live-tokens.ts';

/**
 * Ends sockets and streams with the tokens that opened them. Imported once, in the root module beside KnoxModule, it gives
 * every module LiveTokens, for the tokens of all realms.
 *
 * @publicApi
 */
@Module({})
export class KnoxLiveModule implements OnModuleInit {
  readonly #module: ModuleRef;
  readonly #modules: ModulesContainer;

  constructor(module: ModuleRef, modules: ModulesContainer) {
    this.#module = module;
    this.#modules = modules;
  }

  /** @throws KnoxConfigError while the application starts, if an option is wrong */
  static forRoot(options: KnoxLiveOptions = {}): DynamicModule {
    return {
      module: KnoxLiveModule,
      global: true,
      providers: [
        // Not before the application starts: thrown here, the error would reach the `import` of the file that calls this.
        { provide: LIVE_SETTINGS, useFactory: () => resolveLiveOptions(options) },
        LiveTokens,
      ],
      exports: [LiveTokens],
    };
  }

  /** @throws KnoxConfigError if the application has no KnoxModule, or imports this one twice or without options */
  onModuleInit(): void {
    realmsOfApp(this.#module);
    const imported = [...this.#modules.values()].filter(
      ({ metatype }) => metatype === KnoxLiveModule,
    );
    if (imported.length > 1) {
      throw new KnoxConfigError('imports', 'import it once, in the root module.', LIVE_MODULE);
    }
    if (!imported.every(({ providers }) => providers.has(LIVE_SETTINGS))) {
      throw new KnoxConfigError('imports', `write ${LIVE_MODULE}.forRoot().`, LIVE_MODULE);
    }
  }
}
