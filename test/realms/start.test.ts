import {
  Controller,
  Get,
  Injectable,
  Module,
  UseGuards,
  type ModuleMetadata,
} from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Entity, JoinColumn, ManyToOne } from 'typeorm';
import {
  AbstractAuthToken,
  AuthToken,
  getTokenServiceToken,
  KnoxAuthGuard,
  KnoxConfigError,
  KnoxController,
  KnoxModule,
  KnoxSessionsController,
  Realm,
  TokenService,
  type KnoxModuleOptions,
} from '../../lib/index.ts';
import { Staff, StaffToken } from '../support/staff.ts';
import {
  closeModules,
  knox,
  knoxAsync,
  memoryDatabase,
  saveUser,
  startError,
  startModule,
} from '../support/test-module.ts';
import { User } from '../support/users.ts';

const database = () => memoryDatabase({ entities: [User, AuthToken, Staff, StaffToken] });
const STAFF = {
  realm: 'staff',
  tokenEntity: StaffToken,
  path: 'staff/auth',
  tokenPrefix: 'st_',
} satisfies KnoxModuleOptions;
const staff = (options: KnoxModuleOptions = {}) => knox({ ...STAFF, ...options });

async function refusal(metadata: ModuleMetadata): Promise<KnoxConfigError> {
  const error = await startError({
    ...metadata,
    imports: [database(), ...(metadata.imports ?? [])],
  });
  expect(error).toBeInstanceOf(KnoxConfigError);
  return error as KnoxConfigError;
}

afterEach(closeModules);

describe('Two KnoxModules of different realms', () => {
  it.each([
    ['forRoot', () => staff()],
    [
      'forRootAsync',
      () => {
        const { tokenPrefix, ...options } = STAFF;
        const verifyCredentials = () => null;
        return knoxAsync({ ...options, useFactory: () => ({ tokenPrefix, verifyCredentials }) });
      },
    ],
  ])('have a service each (%s)', async (_, staffModule) => {
    const app = await startModule({ imports: [database(), staffModule(), knox()] });
    const user = await saveUser(app);
    const { token } = await app.get(TokenService).create(user);
    const service = app.get<TokenService<StaffToken>>(getTokenServiceToken('staff'));
    await expect(service.authenticate(token)).rejects.toMatchObject({ code: 'invalid_token' });
    await expect(service.create(user as unknown as Staff)).rejects.toThrow(
      'Expected an instance of Staff, got one of User.',
    );
  });

  it('may be for importing modules alone', async () => {
    @Injectable()
    class Reader {
      constructor(readonly tokens: TokenService) {}
    }
    const staffModule = staff({ isGlobal: false });
    const apiModule = knox({ isGlobal: false });

    @Controller('feature')
    @Realm('staff')
    @UseGuards(KnoxAuthGuard)
    class FeatureController {}

    // Its guard finds the realm of a module that it does not import.
    @Module({ imports: [apiModule], providers: [Reader], controllers: [FeatureController] })
    class FeatureModule {}

    const app = await startModule({ imports: [database(), staffModule, apiModule, FeatureModule] });
    const { token } = await app.get(Reader).tokens.create(await saveUser(app));
    expect(token).toMatch(/^[0-9a-f]{64}$/);
  });

  it('may have one token entity on two data sources', async () => {
    const other = memoryDatabase({ name: 'other', entities: [User, AuthToken] });
    const app = await startModule({
      imports: [
        database(),
        other,
        knox(),
        knox({ realm: 'other', dataSource: 'other', path: 'other', tokenPrefix: 'other_' }),
      ],
    });
    const user = await saveUser(app, 'other');
    const service = app.get<TokenService>(getTokenServiceToken('other'));
    const { token } = await service.create(user);
    expect((await service.authenticate(token)).user).toMatchObject({ username: 'john.doe' });
    await expect(app.get(TokenService).authenticate(token)).rejects.toMatchObject({
      code: 'invalid_token',
    });
  });

  it('may both have the default path without a default controller', async () => {
    const options = { path: 'auth', controller: false };
    await startModule({ imports: [database(), staff(options), knox({ controller: false })] });
  });

  it.each<[string, KnoxModuleOptions, RegExp]>([
    ['realm', { realm: 'api' }, /more than once for the realm 'api'/],
    ['path', { path: 'auth' }, /the realms '\w+' and '\w+' have their routes at the same/],
    ['path', { path: '/AUTH/' }, /give one another path, or controller: false/],
    ['tokenEntity', { tokenEntity: AuthToken }, /keep their tokens in one table/],
    ['tokenPrefix', { tokenPrefix: undefined }, /'(api|staff)' have the same/],
    ['tokenPrefix', { tokenPrefix: 'ab1' }, /no hexadecimal digit/],
    ['tokenPrefix', { tokenPrefix: 'FACE' }, /no hexadecimal digit/],
  ])(
    'stop the start where they share it, or its tokens look alike: %s %j',
    async (name, options, says) => {
      for (const imports of [
        [staff(options), knox()],
        [knox(), staff(options)],
      ]) {
        const error = await refusal({ imports });
        expect([error.option, error.message]).toEqual([name, expect.stringMatching(says)]);
      }
    },
  );

  it('stop the start where one prefix and a random part begin like the other', async () => {
    const error = await refusal({ imports: [knox({ tokenPrefix: 'st_a' }), staff()] });
    expect(error.option).toBe('tokenPrefix');
    await startModule({ imports: [database(), knox({ tokenPrefix: 'st_x' }), staff()] });
  });

  it('stop the start where two entities map one table', async () => {
    @Entity('staff_token')
    class Namesake extends AbstractAuthToken<User> {
      @ManyToOne(() => User, { onDelete: 'CASCADE', nullable: false })
      @JoinColumn({ name: 'user_id' })
      user!: User;
    }
    const error = await refusal({ imports: [knox({ tokenEntity: Namesake }), staff()] });
    expect(error.option).toBe('tokenEntity');
  });
});

describe('A realm that there is not', () => {
  abstract class Base {
    @Get()
    @UseGuards(KnoxAuthGuard)
    get() {}
  }
  @Controller('class')
  @Realm('stuff')
  class OnClass extends Base {}
  @Controller('handler')
  class OnHandler {
    @Get()
    @Realm('api', 'stuff')
    get() {}
  }
  @Realm('stuff')
  abstract class RealmBase extends Base {}
  @Controller('heir')
  class OnBase extends RealmBase {}
  @Injectable()
  @Realm('stuff')
  class OnProvider {}
  @Controller('auth2')
  @Realm('stuff')
  class OnKnoxController extends KnoxController {}

  it.each<[string, ModuleMetadata]>([
    ['on a class', { controllers: [OnClass] }],
    ['on a handler, beside one that there is', { controllers: [OnHandler] }],
    ['on an abstract class', { controllers: [OnBase] }],
    ['on a provider, as resolvers and gateways are', { providers: [OnProvider] }],
    ['on a controller of logins', { controllers: [OnKnoxController] }],
  ])('stops the start %s', async (_, metadata) => {
    const error = await refusal({ ...metadata, imports: [knox(), staff()] });
    expect(error.message).toBe(
      'KnoxModule option "realm": no KnoxModule has the realm "stuff", which @Realm() names, or which counts without ' +
        "it; there are 'api', 'staff'. Name one of these in @Realm(), or import KnoxModule.forRoot({ realm: … }).",
    );
  });

  it('stops the start where the default one counts', async () => {
    @Controller('default')
    @UseGuards(KnoxAuthGuard)
    class DefaultController {}
    const error = await refusal({ imports: [staff()], controllers: [DefaultController] });
    expect(error.message).toMatch(/no KnoxModule has the realm "api"/);
  });

  it('stops the start where @Realm() is empty', async () => {
    @Controller('none')
    @((Realm as unknown as () => ClassDecorator)())
    class NoneController {}
    const error = await refusal({ imports: [knox()], controllers: [NoneController] });
    expect(error.message).toMatch(/@Realm\(\) names no realm/);
  });
});

describe('A controller of logins', () => {
  it('has one realm', async () => {
    @Controller('both')
    @Realm('api', 'staff')
    class BothController extends KnoxController {}
    const error = await refusal({ imports: [knox(), staff()], controllers: [BothController] });
    expect(error.message).toMatch(/names several realms, but BothController works with the tokens/);
  });

  it('has one realm for its sessions too', async () => {
    @Controller('both/sessions')
    @Realm('api', 'staff')
    class BothSessionsController extends KnoxSessionsController {}
    const error = await refusal({
      imports: [knox(), staff()],
      controllers: [BothSessionsController],
    });
    expect(error.message).toMatch(/names several realms, but BothSessionsController works with/);
  });

  it('needs the verifyCredentials of its own realm', async () => {
    const { realm, tokenEntity, tokenPrefix, path } = STAFF;
    const withoutHook = KnoxModule.forRoot({ realm, tokenEntity, tokenPrefix, path });
    const error = await refusal({ imports: [knox(), withoutHook] });
    expect(error.option).toBe('verifyCredentials');
    const idle = KnoxModule.forRoot({ realm, tokenEntity, tokenPrefix, controller: false });
    await startModule({ imports: [database(), knox(), idle] });
  });
});

describe('The users of a realm whose class extends that of another realm', () => {
  @Entity('admins')
  class Admin extends User {}
  @Entity('admin_token')
  class AdminToken extends AbstractAuthToken<Admin> {
    @ManyToOne(() => Admin, { onDelete: 'CASCADE', nullable: false })
    @JoinColumn({ name: 'user_id' })
    user!: Admin;
  }

  it('are nobody there', async () => {
    const app = await startModule({
      imports: [
        TypeOrmModule.forRoot({
          type: 'better-sqlite3',
          database: ':memory:',
          synchronize: true,
          entities: [User, AuthToken, Admin, AdminToken],
        }),
        knox(),
        knox({ realm: 'admin', path: 'admin', tokenEntity: AdminToken, tokenPrefix: 'admin_' }),
      ],
    });
    const user = await saveUser(app);
    await app.get(TokenService).create(user);
    const admin = Object.assign(new Admin(), { id: user.id });
    await expect(app.get(TokenService).revokeAll(admin)).rejects.toThrow(
      'Expected an instance of User, got one of Admin.',
    );
    expect(await app.get(TokenService).list(user)).toHaveLength(1);
  });
});
