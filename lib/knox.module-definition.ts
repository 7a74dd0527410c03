import { ConfigurableModuleBuilder } from '@nestjs/common';
import type { KnoxRuntimeOptions } from './options/runtime-options.ts';
import { STATIC_DEFAULTS, type ForRootExtras } from './static-options.ts';

export const { ConfigurableModuleClass, MODULE_OPTIONS_TOKEN } =
  new ConfigurableModuleBuilder<KnoxRuntimeOptions>({ moduleName: 'Knox' })
    .setClassMethodName('forRoot')
    .setFactoryMethodName('createKnoxOptions')
    .setExtras<ForRootExtras>({ ...STATIC_DEFAULTS, imports: [] })
    .build();
