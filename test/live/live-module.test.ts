import { Injectable } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Column, Entity } from 'typeorm';
import { AuthToken, KnoxConfigError, KnoxUnavailableException } from '../../lib/index.ts';
import { KnoxLiveModule, LiveTokens, type KnoxLiveOptions } from '../../lib/live/index.ts';
import { startApp } from '../support/app.ts';
import { startRealmApp } from '../support/realm-app.ts';
import {
  closeModules,
  knox,
  memoryDatabase,
  startError,
  startModule,
} from '../support/test-module.ts';
import { User } from '../support/users.ts';
import { endOf, liveOf, withLive } from './live-app.ts';

afterEach(closeModules);

describe('KnoxLiveModule', () => {
  it('gives every module LiveTokens, with the defaults', async () => {
    @Injectable()
    class Chat {
      constructor(readonly live: LiveTokens) {}
    }
    class ChatModule {}
    const imports = [
      KnoxLiveModule.forRoot(),
      memoryDatabase(),
      knox(),
      { module: ChatModule, providers: [Chat] },
    ];
    const app = await startModule({ imports });
    expect(app.get(Chat, { strict: false }).live).toBeInstanceOf(LiveTokens);
  });

  it.each<[KnoxLiveOptions, string]>([
    [{ interval: '1s', failAfter: '1001ms' }, 'the least failAfter'],
    [{ interval: 1 }, 'the least interval'],
    [{ failAfter: '24d' }, 'the longest failAfter'],
    [{ interval: undefined, failAfter: undefined }, 'undefined, for the defaults'],
  ])('takes %j: %s', async (options) => {
    const imports = [memoryDatabase(), knox(), KnoxLiveModule.forRoot(options)];
    await expect(startModule({ imports })).resolves.toBeDefined();
  });

  it.each<[unknown, string, RegExp]>([
    [{ interval: 0 }, 'interval', /more than 0; got a number, 0\.$/],
    [{ interval: '2' }, 'interval', /got a string without a unit, '2'\.$/],
    [{ interval: null }, 'interval', /got null\.$/],
    [{ failAfter: '25d' }, 'failAfter', /at most 24 days/],
    [{ failAfter: -1 }, 'failAfter', /got a number, -1\.$/],
    [{ failAfter: '2s' }, 'failAfter', /must be longer than interval/],
    [{ constructor: '2s' }, 'constructor', /unknown; there are interval, failAfter\.$/],
    [{ intervall: '2s' }, 'intervall', /unknown; there are interval, failAfter\.$/],
    [null, 'options', /expected an object of options; got null\.$/],
  ])('stops the start for %j', async (options, option, message) => {
    const live = KnoxLiveModule.forRoot(options as KnoxLiveOptions);
    const error = await startError({ imports: [memoryDatabase(), knox(), live] });
    expect(error).toBeInstanceOf(KnoxConfigError);
    expect((error as KnoxConfigError).option).toBe(option);
    expect(error.message).toMatch(/^KnoxLiveModule option /);
    expect(error.message).toMatch(message);
  });

  it('stops the start if it is imported twice, without options, or without a KnoxModule', async () => {
    const [short, long] = ['1s', '2s'].map((interval) => KnoxLiveModule.forRoot({ interval }));
    const twice = await startError({ imports: [memoryDatabase(), knox(), short!, long!] });
    expect(twice.message).toMatch(/^KnoxLiveModule option "imports": import it once/);
    const bare = await startError({ imports: [memoryDatabase(), knox(), KnoxLiveModule] });
    expect(bare.message).toMatch(/^KnoxLiveModule option "imports": write KnoxLiveModule\.forRoot/);
    const alone = await startError({ imports: [KnoxLiveModule.forRoot()] });
    expect(alone.message).toMatch(/the application has no KnoxModule/);
  });
});

describe('LiveTokens.watch', () => {
  it('refuses what neither the guard nor TokenService gave', async () => {
    const test = await startApp(withLive({}));
    try {
      const { token, authToken } = await test.tokens.create(test.john);
      const watch = (value: unknown) => () => liveOf(test).watch(value as AuthToken);
      for (const value of [
        token,
        null,
        undefined,
        test.john,
        Object.assign({}, authToken),
        authToken.digest,
      ]) {
        expect(watch(value)).toThrow(TypeError);
        expect(watch(value)).toThrow(/^authToken must be the token entity that the guard or /);
      }
      const empty = new AuthToken();
      expect(watch(empty)).toThrow(/^The AuthToken has no digest/);
    } finally {
      await test.close();
    }
  });

  it('asks the realm whose token it is', async () => {
    const test = await startRealmApp(withLive({}));
    try {
      const staff = await test.staffTokens.create(test.bob);
      const john = await test.tokens.create(test.john);
      const [ofStaff, ofJohn] = [staff, john].map(({ authToken }) =>
        liveOf(test).watch(authToken as never),
      );
      await test.staffRows.deleteAll();
      expect(await endOf(ofStaff!)).toBe('invalid_token');
      expect(ofJohn!.signal.aborted).toBe(false);
      await test.client.post('/auth/logout', { token: john.token });
      expect(ofJohn!.signal.aborted).toBe(true);
    } finally {
      await test.close();
    }
  });

  it('asks the realm of the nearest class, where one token entity extends another', async () => {
    @Entity('device_token')
    class DeviceToken extends AuthToken {
      @Column({ type: 'varchar', length: 20, nullable: true })
      device!: string | null;
    }
    const devices = knox({
      realm: 'devices',
      tokenEntity: DeviceToken,
      path: 'devices/auth',
      tokenPrefix: 'dev_',
    });
    const test = await startApp(
      withLive({
        entities: [User, AuthToken, DeviceToken] as (new () => object)[],
        imports: [devices],
      }),
    );
    try {
      const { getTokenServiceToken } = await import('../../lib/index.ts');
      const service = test.app.get<typeof test.tokens>(getTokenServiceToken('devices'));
      const device = await service.create(test.john);
      const watch = liveOf(test).watch(device.authToken);
      const other = liveOf(test).watch((await test.tokens.create(test.john)).authToken);
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      expect([watch, other].map(({ signal }) => signal.aborted)).toEqual([false, false]);
      await service.revoke(device.token);
      expect([watch, other].map(({ signal }) => signal.aborted)).toEqual([true, false]);
    } finally {
      await test.close();
    }
  });

  it('lets none begin after the application has closed, if none was there before', async () => {
    const test = await startApp(withLive({}));
    const { authToken } = await test.tokens.create(test.john);
    const live = liveOf(test);
    await test.close();
    expect(live.watch(authToken).signal.reason).toBeInstanceOf(KnoxUnavailableException);
  });

  it('stops when the application closes: it ends no watch, and lets none begin', async () => {
    const test = await startApp(withLive({}));
    const { authToken } = await test.tokens.create(test.john);
    const live = liveOf(test);
    const watch = live.watch(authToken);
    await test.close();
    expect(watch.signal.aborted).toBe(false);
    const late = live.watch(authToken);
    expect(late.signal.reason).toBeInstanceOf(KnoxUnavailableException);
  });
});
