import { Injectable, Logger, Module, type DynamicModule, type Provider } from '@nestjs/common';
import { EventEmitter2, EventEmitterModule } from '@nestjs/event-emitter';
import { Test } from '@nestjs/testing';
import { afterEach, describe, expect, it } from '@jest/globals';
import { TokenService } from '../../lib/index.ts';
import { EventCollector } from '../support/event-collector.ts';
import {
  closeModules,
  knox,
  memoryDatabase,
  saveUser,
  startModule,
} from '../support/test-module.ts';

afterEach(closeModules);

/** Whether the strict proxy throws: NestJS itself looks at each provider while it starts. */
let isStarted = false;
afterEach(() => {
  isStarted = false;
});

/** A module of the application with these providers, which is scanned before that of the emitter. */
function moduleWith(...providers: Provider[]): DynamicModule {
  class FeatureModule {}
  Module({})(FeatureModule);
  return { module: FeatureModule, providers };
}

class Mailer {}

/** As a provider of nestjs-cls whose context is not there. */
const strictProxy = new Proxy(new Mailer(), {
  get(target, name) {
    if (isStarted) throw new Error(`No context in which to read ${String(name)}.`);
    return Reflect.get(target, name) as unknown;
  },
});

/** As a mock of any class. */
const mock = new Proxy(new Mailer(), {
  get: (_, name) => (name === 'then' ? undefined : () => undefined),
});

@Injectable()
class DomainBus extends EventEmitter2 {}

describe('EventPublisher', () => {
  it.each<[string, Provider]>([
    ['throws at each property', { provide: Mailer, useFactory: () => strictProxy }],
    ['answers to any property', { provide: Mailer, useFactory: () => mock }],
    ['extends the emitter’s class', DomainBus],
    ['is another emitter', { provide: EventEmitter2, useFactory: () => new EventEmitter2() }],
  ])('finds the emitter beside a provider that %s', async (_, provider) => {
    const app = await startModule({
      imports: [moduleWith(provider), EventEmitterModule.forRoot(), memoryDatabase(), knox()],
      providers: [EventCollector],
    });
    const user = await saveUser(app);
    isStarted = true;
    await app.get(TokenService).create(user);
    isStarted = false;
    expect(app.get(EventCollector).names).toEqual(['knox.token.created']);
  });

  it('reads nothing of a provider where there is no emitter', async () => {
    const app = await startModule({
      imports: [
        moduleWith({ provide: Mailer, useFactory: () => strictProxy }),
        memoryDatabase(),
        knox(),
      ],
    });
    const user = await saveUser(app);
    isStarted = true;
    await app.get(TokenService).create(user);
    expect(await app.get(TokenService).revokeAll(user)).toBe(1);
    isStarted = false;
  });

  it('sends events to what a test puts in the emitter’s place', async () => {
    const names: string[] = [];
    const builder = Test.createTestingModule({
      imports: [EventEmitterModule.forRoot(), memoryDatabase(), knox()],
    });
    const emitter = {
      emitAsync: (name: string) => void names.push(name),
      on: () => emitter,
      removeAllListeners: () => emitter,
    };
    const app = await builder.overrideProvider(EventEmitter2).useValue(emitter).compile();
    await app.init();
    await app.get(TokenService).create(await saveUser(app));
    expect(names).toEqual(['knox.token.created']);
    await app.close();
  });

  it('goes on after an event that comes before the emitter', async () => {
    const app = await startModule({
      imports: [
        memoryDatabase(),
        knox(),
        {
          module: class {},
          providers: [
            {
              provide: 'SEED',
              inject: [TokenService],
              useFactory: async (tokens: TokenService) =>
                tokens.authenticate('x').catch(() => null),
            },
          ],
        },
        // Made last, as it waits for the seed.
        {
          module: EventEmitterModule,
          global: true,
          providers: [
            ...EventEmitterModule.forRoot().providers!.filter(
              (provider) => (provider as { provide?: unknown }).provide !== EventEmitter2,
            ),
            {
              provide: EventEmitter2,
              useFactory: async () => {
                await new Promise((resolve) => setTimeout(resolve, 100));
                return new EventEmitter2();
              },
            },
          ],
          imports: EventEmitterModule.forRoot().imports!,
          exports: [EventEmitter2],
        },
      ],
      providers: [EventCollector],
    });
    await app.get(TokenService).create(await saveUser(app));
    expect(app.get(EventCollector).names).toEqual(['knox.token.created']);
  });

  it('fails no work if its logger throws where a listener has failed', async () => {
    const unhandled: unknown[] = [];
    const onUnhandled = (error: unknown): void => void unhandled.push(error);
    process.on('unhandledRejection', onUnhandled);
    try {
      const app = await startModule({
        imports: [EventEmitterModule.forRoot(), memoryDatabase(), knox()],
      });
      const user = await saveUser(app);
      const emitter = app.get(EventEmitter2);
      const fail = (): never => {
        throw new Error('x');
      };
      Logger.overrideLogger({ log: fail, error: fail, warn: fail });
      emitter.on('knox.token.created', fail);
      const reject = (): unknown => Promise.reject(new Error('x'));
      emitter.on('knox.token.revoked', reject);
      const { token } = await app.get(TokenService).create(user);
      expect(await app.get(TokenService).revoke(token)).toBe(true);
      await new Promise((resolve) => setTimeout(resolve, 20));
      expect(unhandled).toEqual([]);
    } finally {
      process.off('unhandledRejection', onUnhandled);
      Logger.overrideLogger(false);
    }
  });
});
