import { forwardRef, Inject, Injectable, Module, type ModuleMetadata } from '@nestjs/common';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  KnoxConfigError,
  KnoxModule,
  TokenService,
  type KnoxModuleAsyncOptions,
  type KnoxOptionsFactory,
  type KnoxRuntimeOptions,
} from '../../lib/index.ts';
import { SECRET } from '../options/options.table.ts';
import {
  closeModules,
  memoryDatabase,
  saveUser,
  startError,
  startModule,
  verifyCredentials,
} from '../support/test-module.ts';

const OPTIONS: KnoxRuntimeOptions = { verifyCredentials, tokenPrefix: 'ASYNC_' };

@Injectable()
class Config {
  prefix = 'CONFIG_';
}

@Injectable()
class ConfiguredOptions implements KnoxOptionsFactory {
  constructor(private readonly config: Config) {}

  async createKnoxOptions(): Promise<KnoxRuntimeOptions> {
    return { verifyCredentials, tokenPrefix: this.config.prefix };
  }
}

@Module({ providers: [Config, ConfiguredOptions], exports: [Config, ConfiguredOptions] })
class ConfigModule {}

afterEach(closeModules);

const metadata = (options: KnoxModuleAsyncOptions) => ({
  imports: [memoryDatabase(), KnoxModule.forRootAsync(options)],
});

/** The prefix of the tokens that a module with these options makes. */
async function prefixWith(options: KnoxModuleAsyncOptions): Promise<string> {
  const app = await startModule(metadata(options));
  const { token } = await app.get(TokenService).create(await saveUser(app));
  return token.slice(0, -64);
}

async function refusal(options: object): Promise<KnoxConfigError> {
  const error = await startError(metadata(options));
  expect(error).toBeInstanceOf(KnoxConfigError);
  expect(`${error.message}${String(error.stack)}`).not.toContain(SECRET);
  return error as KnoxConfigError;
}

describe('KnoxModule.forRootAsync', () => {
  describe('useFactory', () => {
    it('takes options', async () => {
      expect(await prefixWith({ useFactory: () => OPTIONS })).toBe('ASYNC_');
    });

    it('takes a promise of options', async () => {
      expect(await prefixWith({ useFactory: async () => OPTIONS })).toBe('ASYNC_');
    });

    it('is given what inject names, out of imports', async () => {
      const prefix = await prefixWith({
        imports: [ConfigModule],
        inject: [Config],
        useFactory: ({ prefix }: Config) => ({ verifyCredentials, tokenPrefix: prefix }),
      });
      expect(prefix).toBe('CONFIG_');
    });

    it('is called once', async () => {
      let asked = 0;
      await startModule(
        metadata({
          useFactory: () => {
            asked += 1;
            return OPTIONS;
          },
        }),
      );
      expect(asked).toBe(1);
    });

    it.each([
      [
        'throws',
        () => {
          throw new Error('The vault is sealed.');
        },
      ],
      ['rejects', () => Promise.reject(new Error('The vault is sealed.'))],
    ])('stops the start with its own error where it %s', async (_, useFactory) => {
      expect((await startError(metadata({ useFactory }))).message).toBe('The vault is sealed.');
    });
  });

  describe('useClass', () => {
    it('makes the class, with its dependencies out of imports', async () => {
      expect(await prefixWith({ imports: [ConfigModule], useClass: ConfiguredOptions })).toBe(
        'CONFIG_',
      );
    });

    it('refuses a class that makes no options', async () => {
      const error = await refusal({ imports: [ConfigModule], useClass: Config });
      expect(error.message).toBe(
        'KnoxModule option "useClass": the class needs a method createKnoxOptions().',
      );
    });
  });

  describe('useExisting', () => {
    it('takes the instance that imports bring', async () => {
      const app = await startModule(
        metadata({ imports: [ConfigModule], useExisting: ConfiguredOptions }),
      );
      expect(app.get(ConfiguredOptions, { strict: false })).toBeInstanceOf(ConfiguredOptions);
      const { token } = await app.get(TokenService).create(await saveUser(app));
      expect(token).toMatch(/^CONFIG_[0-9a-f]{64}$/);
    });

    it('makes no new instance', async () => {
      const error = await startError(metadata({ useExisting: ConfiguredOptions }));
      expect(error.message).toContain('argument ConfiguredOptions at index [0]');
    });
  });

  describe('with a service that needs TokenService', () => {
    const around = (injected: (service: unknown) => unknown): ModuleMetadata => {
      @Injectable()
      class UsersService {
        @Inject(forwardRef(() => TokenService))
        readonly tokens!: TokenService;
      }
      @Module({ providers: [UsersService], exports: [UsersService] })
      class UsersModule {}
      const options = {
        imports: [UsersModule],
        inject: [injected(UsersService) as never],
        useFactory: (users: UsersService) => ({
          verifyCredentials: () => users.tokens.list({}).then(() => null),
        }),
      };
      return { imports: [memoryDatabase(), UsersModule, KnoxModule.forRootAsync(options)] };
    };

    it('works if the service injects it with forwardRef', async () => {
      const app = await startModule(around((service) => service));
      const { token } = await app.get(TokenService).create(await saveUser(app));
      expect(token).toHaveLength(64);
    });

    it('is refused if the options inject the service with forwardRef too, and says what to do', async () => {
      const error = await startError(around((service) => forwardRef(() => service as never)));
      expect(error).toBeInstanceOf(KnoxConfigError);
      expect(error.message).toMatch(
        /option "useFactory": .*@Inject\(forwardRef\(\(\) => TokenService\)\)/,
      );
    });
  });

  it('takes static options beside the factory', async () => {
    const controller = await startModule(
      metadata({ controller: false, useFactory: () => ({ tokenPrefix: 'STATIC_' }) }),
    );
    const { token } = await controller.get(TokenService).create(await saveUser(controller));
    expect(token).toMatch(/^STATIC_/);
  });

  describe('refuses', () => {
    it.each([
      ['tokenEntity', class {}],
      ['loginGuards', []],
      ['controller', false],
      ['path', SECRET],
      ['isGlobal', false],
      ['dataSource', SECRET],
    ])('a static option that the factory returns: %s', async (name, value) => {
      const error = await refusal({ useFactory: () => ({ ...OPTIONS, [name]: value }) });
      expect(error.option).toBe(name);
      expect(error.message).toBe(
        `KnoxModule option "${name}": is a static option; write it beside useFactory, not in its result.`,
      );
    });

    it('a static option that a promise brings', async () => {
      const error = await refusal({ useFactory: async () => ({ ...OPTIONS, path: SECRET }) });
      expect(error.option).toBe('path');
    });

    it.each([
      ['verifyCredentials', verifyCredentials],
      ['tokenPrefix', SECRET],
      ['tokenTtl', null],
    ])('a runtime option beside the factory: %s', async (name, value) => {
      const error = await refusal({ useFactory: () => OPTIONS, [name]: value });
      expect(error.option).toBe(name);
      expect(error.message).toBe(
        `KnoxModule option "${name}": return it from the factory; forRootAsync takes it nowhere else.`,
      );
    });

    it.each([
      ['beside the factory', { useFactory: () => OPTIONS, tokenEntitiy: SECRET }, 'tokenEntitiy'],
      ['in its result', { useFactory: () => ({ ...OPTIONS, tokenTTL: SECRET }) }, 'tokenTTL'],
    ])('an unknown option %s', async (_, options, name) => {
      const error = await refusal(options);
      expect(error.option).toBe(name);
      expect(error.message).toContain('there is no such option');
    });

    it('a wrong option in the result of the factory', async () => {
      const error = await refusal({ useFactory: () => ({ ...OPTIONS, tokenLength: SECRET }) });
      expect(error.message).toBe(
        'KnoxModule option "tokenLength": expected an even number from 48 to 256; got a string.',
      );
    });

    it.each([
      ['null', null],
      ['undefined', undefined],
      ['a string', SECRET],
      ['an array', [SECRET]],
      ['a function', () => OPTIONS],
    ])('a factory whose result is %s', async (kind, result) => {
      const error = await refusal({ useFactory: () => result });
      expect(error.message).toContain(
        `KnoxModule option "useFactory": expected an object of options; got ${kind}.`,
      );
    });

    it.each<[string, object]>([
      ['none of the three ways', { imports: [ConfigModule] }],
      ['two of them', { useFactory: () => OPTIONS, useClass: ConfiguredOptions }],
      ['an object for a factory', { useFactory: OPTIONS }],
      ['null for a factory', { useFactory: null }],
      ['a string for a class', { useClass: SECRET }],
    ])('%s', async (_, options) => {
      expect((await refusal(options)).message).toBe(
        'KnoxModule option "useFactory": give one of useFactory, useClass and useExisting.',
      );
    });
  });
});
