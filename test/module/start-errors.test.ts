import { Module, type DynamicModule, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { Test } from '@nestjs/testing';
import { describe, expect, it } from '@jest/globals';
import { KnoxConfigError, KnoxModule, type KnoxModuleOptions } from '../../lib/index.ts';
import { SECRET } from '../options/options.table.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import { knox, knoxAsync, memoryDatabase, verifyCredentials } from '../support/test-module.ts';

function appWith(...imports: DynamicModule[]): Type {
  @Module({ imports })
  class AppModule {}
  return AppModule;
}

const WRONG: [string, string, () => DynamicModule][] = [
  ['a runtime option', 'tokenTtl', () => knox({ tokenTtl: SECRET })],
  ['a static option', 'path', () => knox({ path: [SECRET] as unknown as string })],
  ['an unknown option', 'secret', () => knox({ secret: SECRET } as KnoxModuleOptions)],
  [
    'an option of a factory',
    'authHeaderPrefix',
    () =>
      knoxAsync({
        useFactory: async () => ({ verifyCredentials, authHeaderPrefix: `${SECRET} ${SECRET}` }),
      }),
  ],
  [
    'no options at all',
    'options',
    () => KnoxModule.forRoot(undefined as unknown as KnoxModuleOptions),
  ],
];

describe.each(WRONG)('A KnoxModule with %s that is wrong', (_, option, knoxModule) => {
  it('throws nothing where it is written', () => {
    expect(knoxModule()).toMatchObject({ module: KnoxModule });
  });

  it('rejects compile()', async () => {
    const AppModule = appWith(knoxModule());
    const compiling = Test.createTestingModule({ imports: [AppModule] }).compile();
    await expect(compiling).rejects.toMatchObject({ code: 'knox_config', option });
    await expect(compiling).rejects.toBeInstanceOf(KnoxConfigError);
  });

  it('rejects NestFactory.create, with no secret in the log', async () => {
    const logger = new LogRecorder();
    const starting = NestFactory.create(appWith(knoxModule()), { logger, abortOnError: false });
    await expect(starting).rejects.toMatchObject({ code: 'knox_config', option });
    expect(logger.text).toContain(`KnoxModule option \\"${option}\\"`);
    expect(logger.text).not.toContain(SECRET);
  });
});

describe('A KnoxModule whose login has no verifyCredentials', () => {
  const MESSAGE =
    /^KnoxModule option "verifyCredentials": the login needs it; give verifyCredentials, /;

  it.each<[string, DynamicModule]>([
    ['forRoot', KnoxModule.forRoot({})],
    ['forRootAsync', knoxAsync({ useFactory: () => ({}) })],
  ])('rejects init() after %s', async (_, knoxModule) => {
    const AppModule = appWith(memoryDatabase(), knoxModule);
    const app = await NestFactory.create(AppModule, { logger: false, abortOnError: false });
    const starting = app.init();
    await expect(starting).rejects.toThrow(MESSAGE);
    await expect(starting).rejects.toBeInstanceOf(KnoxConfigError);
    await app.close();
  });
});
