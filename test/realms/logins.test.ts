import {
  Controller,
  Get,
  Inject,
  Injectable,
  Scope,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
  type Provider,
  type Type,
} from '@nestjs/common';
import { APP_GUARD, REQUEST } from '@nestjs/core';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { afterEach, describe, expect, it } from '@jest/globals';
import { Entity, JoinColumn, ManyToOne } from 'typeorm';
import {
  AbstractAuthToken,
  AuthToken,
  CurrentUser,
  InjectTokenService,
  KnoxAuthGuard,
  KnoxController,
  KnoxModule,
  Realm,
  TokenService,
  type KnoxRequest,
  type LoginContext,
} from '../../lib/index.ts';
import { PASSWORD, startApp, type AdapterName, type TestApp } from '../support/app.ts';
import { ERRORS } from '../support/errors.ts';
import { EventCollector } from '../support/event-collector.ts';
import { startRealmApp, type RealmApp } from '../support/realm-app.ts';
import { Staff, StaffToken } from '../support/staff.ts';
import { User } from '../support/users.ts';

/** Tokens of the same users, in a table of their own. */
@Entity('key_token')
class KeyToken extends AbstractAuthToken<User> {
  @ManyToOne(() => User, { onDelete: 'CASCADE', nullable: false })
  @JoinColumn({ name: 'user_id' })
  user!: User;
}

let test: TestApp | undefined;
afterEach(async () => {
  await test?.close();
  test = undefined;
});

/** Lets the user of a token log in, which no login may. */
@Injectable()
class TokenLoginGuard implements CanActivate {
  constructor(@InjectTokenService() private readonly tokens: TokenService) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const request = context.switchToHttp().getRequest<KnoxRequest>();
    const { user } = await this.tokens.authenticate(String(request.headers['x-key']));
    request.user = user;
    return true;
  }
}

/** The same with what a guard of the default realm has found for this request. */
let foundBefore: object | undefined;
@Injectable()
class FoundLoginGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    context.switchToHttp().getRequest<KnoxRequest>().user = foundBefore;
    return true;
  }
}

/** As a global guard that keeps the user. */
@Injectable()
class KeepingGuard extends KnoxAuthGuard {
  override async canActivate(context: ExecutionContext): Promise<boolean> {
    const passed = await super.canActivate(context);
    foundBefore = context.switchToHttp().getRequest<{ user?: object }>().user;
    return passed;
  }

  protected override isPublic(): boolean {
    return false;
  }
}

describe('A login of a realm that has the users of another one', () => {
  const start = (guard: Type<CanActivate>, providers: Provider[] = []) =>
    startApp({
      entities: [User, AuthToken, KeyToken],
      imports: [
        KnoxModule.forRoot({
          realm: 'keys',
          tokenEntity: KeyToken,
          path: 'keys',
          tokenPrefix: 'key_',
          loginGuards: [guard],
        }),
      ],
      providers,
    });

  it('refuses a user whom a token of that one has brought', async () => {
    test = await start(TokenLoginGuard);
    const { token } = await test.tokens.create(test.john);
    const { status, body } = await test.client.post('/keys/login', {
      headers: { 'x-key': token },
    });
    expect([status, body]).toEqual([401, ERRORS.notAuthenticated]);
    expect(await test.dataSource.getRepository(KeyToken).count()).toBe(0);
  });

  it('refuses a user whom a guard of that one has found for this request', async () => {
    @Injectable()
    class ApiGuard implements CanActivate {
      constructor(@Inject(KeepingGuard) private readonly guard: KeepingGuard) {}

      canActivate(context: ExecutionContext): Promise<boolean> {
        if (!context.switchToHttp().getRequest<{ url: string }>().url.startsWith('/keys')) {
          return Promise.resolve(true);
        }
        const ofApi = Object.create(context, {
          getHandler: { value: () => TestHandler.prototype.get },
          getClass: { value: () => TestHandler },
        }) as ExecutionContext;
        return this.guard.canActivate(ofApi);
      }
    }
    class TestHandler {
      get(): void {}
    }
    test = await start(FoundLoginGuard, [KeepingGuard, { provide: APP_GUARD, useClass: ApiGuard }]);
    const { token } = await test.tokens.create(test.john);
    const { status, body } = await test.client.post('/keys/login', { token });
    expect(foundBefore).toBeInstanceOf(User);
    expect([status, body]).toEqual([401, ERRORS.notAuthenticated]);
    expect(await test.dataSource.getRepository(KeyToken).count()).toBe(0);
  });
});

describe.each<AdapterName>(['express', 'fastify'])('The logins of two realms on %s', (adapter) => {
  it('have their own guards, of any scope', async () => {
    @Injectable({ scope: Scope.REQUEST })
    class RequestLoginGuard implements CanActivate {
      constructor(@Inject(REQUEST) private readonly request: KnoxRequest) {}

      async canActivate(): Promise<boolean> {
        const { headers } = this.request;
        const username = String(headers['x-staff-name']);
        this.request.user = await test!.dataSource.getRepository(Staff).findOneBy({ username });
        return true;
      }
    }
    const app = await startRealmApp({ adapter, staff: { loginGuards: [RequestLoginGuard] } });
    test = app;
    const [bob, alice] = await Promise.all(
      ['bob', 'alice'].map((name) =>
        app.client.post('/staff/auth/login', { headers: { 'x-staff-name': name } }),
      ),
    );
    for (const [answer, username] of [
      [bob, 'bob'],
      [alice, 'alice'],
    ] as const) {
      expect(answer!.status).toBe(200);
      const { user } = await app.staffTokens.authenticate(answer!.body.token);
      expect(user.username).toBe(username);
    }
    expect(await app.login()).toMatch(/^[0-9a-f]{64}$/);
  });

  it('may be those of controllers of the application', async () => {
    @Controller('staff-door')
    @Realm('staff')
    class StaffAuthController extends KnoxController<StaffToken> {
      protected override createToken({ user }: LoginContext<StaffToken>) {
        return this.tokens.create(user, { ttl: '1h' });
      }
    }
    const app = await startRealmApp({
      adapter,
      staff: { controller: false },
      controllers: [StaffAuthController],
    });
    test = app;
    const body = { username: 'bob', password: PASSWORD };
    const { status, body: answer } = await app.client.post('/staff-door/login', { body });
    expect(status).toBe(200);
    const [row] = await app.staffRows.find();
    expect(row).toMatchObject({ ttl: 3_600_000 });
    expect((await app.client.post('/staff-door/logout', { token: answer.token })).status).toBe(204);
    expect(await app.staffRows.count()).toBe(0);
  });

  it('send events that name the realm', async () => {
    const app: RealmApp = await startRealmApp({
      adapter,
      imports: [EventEmitterModule.forRoot()],
      providers: [EventCollector],
    });
    test = app;
    const collector = app.app.get(EventCollector);
    const token = await app.loginStaff();
    await app.client.post('/staff/auth/logout', { token });
    await app.client.post('/staff/auth/logout', { token });
    await app.login();
    await app.client.get('/me', { token });
    expect(collector.received.map(([name, { realm }]) => [name, realm])).toEqual([
      ['knox.token.created', 'staff'],
      ['knox.user.logged_in', 'staff'],
      ['knox.token.revoked', 'staff'],
      ['knox.user.logged_out', 'staff'],
      ['knox.auth.failed', 'staff'],
      ['knox.token.created', 'api'],
      ['knox.user.logged_in', 'api'],
      ['knox.auth.failed', 'api'],
    ]);
  });

  it('close the routes of each behind a global guard, and open both logins', async () => {
    @Controller('open')
    class MineController {
      @Get('staff')
      @Realm('staff')
      staff(@CurrentUser('username') username: string): object {
        return { username };
      }

      @Get('api')
      api(@CurrentUser('username') username: string): object {
        return { username };
      }
    }
    const app = await startRealmApp({
      adapter,
      controllers: [MineController],
      providers: [{ provide: APP_GUARD, useClass: KnoxAuthGuard }],
    });
    test = app;
    const [api, staff] = [await app.login(), await app.loginStaff()];
    const get = async (path: string, token: string) => {
      const { status, body } = await app.client.get(path, { token });
      return [status, body.username];
    };
    expect(await get('/open/staff', staff)).toEqual([200, 'bob']);
    expect(await get('/open/api', api)).toEqual([200, 'john.doe']);
    expect((await get('/open/staff', api))[0]).toBe(401);
    expect((await get('/open/api', staff))[0]).toBe(401);
    expect((await app.client.post('/staff/auth/logout', { token: staff })).status).toBe(204);
  });
});

describe('A handler that cannot be seen at the start', () => {
  it('throws a KnoxConfigError on its first request for a realm that there is not', async () => {
    class Hidden {
      @Realm('stuff')
      get(): void {}
    }
    @Injectable()
    class HiddenGuard extends KnoxAuthGuard {
      override canActivate(context: ExecutionContext): Promise<boolean> {
        return super.canActivate(
          Object.create(context, {
            getHandler: { value: () => Hidden.prototype.get },
            getClass: { value: () => Hidden },
          }) as ExecutionContext,
        );
      }
    }
    @Controller('hidden')
    class HiddenController {
      @Get()
      @UseGuards(HiddenGuard)
      get(): void {}
    }
    let thrown: unknown;
    test = await startRealmApp({
      controllers: [HiddenController],
      configure: (app) =>
        app.useGlobalFilters({
          catch(error, host) {
            thrown = error;
            host.switchToHttp().getResponse().status(500).json({});
          },
        }),
    });
    expect((await test.client.get('/hidden')).status).toBe(500);
    expect(thrown).toMatchObject({ name: 'KnoxConfigError', option: 'realm' });
  });
});
