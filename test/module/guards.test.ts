import { Controller, Get, Injectable, UseGuards } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { afterEach, describe, expect, it } from '@jest/globals';
import { KnoxAuthGuard, KnoxConfigError, OptionalKnoxAuthGuard } from '../../lib/index.ts';
import { startApp, type TestAppOptions } from '../support/app.ts';
import { closeModules, knox, memoryDatabase, startError } from '../support/test-module.ts';

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

  it('on a provider, such as a gateway or a resolver', async () => {
    @Injectable()
    class Gateway {
      @UseGuards(new OptionalKnoxAuthGuard())
      handle(): void {}
    }
    const error = await startError({ imports: [memoryDatabase(), knox()], providers: [Gateway] });
    expect(error.message).toMatch(
      /@UseGuards\(\) of Gateway has a OptionalKnoxAuthGuard that was made/,
    );
  });

  it.each<[string, TestAppOptions]>([
    ['app.useGlobalGuards', { configure: (app) => void app.useGlobalGuards(new KnoxAuthGuard()) }],
    ['useValue', { providers: [{ provide: APP_GUARD, useValue: new KnoxAuthGuard() }] }],
    ['useFactory', { providers: [{ provide: APP_GUARD, useFactory: () => new KnoxAuthGuard() }] }],
  ])('for the whole application, by %s', async (_, options) => {
    await expect(startApp(options)).rejects.toThrow(
      /has a KnoxAuthGuard that was made with `new`.*app\.useGlobalGuards\(app\.get\(KnoxAuthGuard\)\)/,
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
