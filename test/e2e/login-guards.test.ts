import {
  Controller,
  ForbiddenException,
  Get,
  ImATeapotException,
  Injectable,
  Module,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
  type Type,
} from '@nestjs/common';
import { AuthGuard } from '@nestjs/passport';
import { afterEach, describe, expect, it } from '@jest/globals';
import { of, type Observable } from 'rxjs';
import {
  CurrentUser,
  KnoxAuthGuard,
  TokenService,
  type KnoxModuleOptions,
  type KnoxRequest,
} from '../../lib/index.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { JOHN } from '../support/credentials.ts';
import { ERRORS } from '../support/errors.ts';
import type { Answer, Sending } from '../support/http-client.ts';
import { User } from '../support/users.ts';

let test: TestApp;
afterEach(() => test.close());

const start = async (knox: KnoxModuleOptions): Promise<void> => {
  test = await startApp({ knox: { verifyCredentials: undefined, ...knox } });
};
const login = (sending: Sending = {}): Promise<Answer> => test.client.post('/auth/login', sending);

/** Puts the test's user on the request, and gives the test's verdict. */
let leave: () => unknown;
let verdict: boolean | Promise<boolean> | Observable<boolean>;

@Injectable()
class SettableGuard implements CanActivate {
  canActivate(context: ExecutionContext) {
    context.switchToHttp().getRequest<{ user?: unknown }>().user = leave();
    return verdict;
  }
}

describe('loginGuards', () => {
  describe('with one guard of the application’s', () => {
    it.each([
      ['true', true],
      ['a promise of true', Promise.resolve(true)],
      ['an Observable of true', of(true)],
    ])('gives a token to the user on the request if the verdict is %s', async (_, value) => {
      await start({ loginGuards: [SettableGuard] });
      [leave, verdict] = [() => test.jane, value];
      const { status, body } = await login();
      expect(status).toBe(200);
      expect((await test.client.get('/me', { token: body.token })).body.username).toBe('jane.doe');
    });

    it.each([
      ['false', false],
      ['a promise of false', Promise.resolve(false)],
      ['an Observable of false', of(false)],
    ])('gives no token if the verdict is %s', async (_, value) => {
      await start({ loginGuards: [SettableGuard] });
      [leave, verdict] = [() => test.jane, value];
      const { status, body } = await login();
      expect([status, body.message]).toEqual([403, 'Forbidden resource']);
      expect(await test.rows.count()).toBe(0);
    });

    it.each([
      ['nobody', undefined],
      ['null', null],
      ['false', false],
      ['a name', 'john.doe'],
      ['a key', 1],
    ])('gives no token if the request’s user is %s', async (_, user) => {
      await start({ loginGuards: [SettableGuard] });
      [leave, verdict] = [() => user, true];
      const { status, body } = await login();
      expect([status, body]).toEqual([401, ERRORS.notAuthenticated]);
      expect(await test.rows.count()).toBe(0);
    });

    it('gives no token to an inactive or a deleted user', async () => {
      await start({ loginGuards: [SettableGuard] });
      await test.users.update(test.john.id, { isActive: false });
      verdict = true;
      const stale = Object.assign(new User(), { id: 99, username: 'x', isActive: true });
      const users = [
        await test.users.findOneByOrFail({ id: test.john.id }),
        Object.assign(new User(), { id: test.john.id }),
        stale,
      ];
      for (const user of users) {
        leave = () => user;
        const { status, body } = await login({ body: JOHN });
        expect([status, body]).toEqual([401, ERRORS.invalidCredentials]);
      }
      expect(await test.rows.count()).toBe(0);
    });

    it('gives no token to a user who is inactive in the database, even if the guard’s object is active', async () => {
      await start({ loginGuards: [SettableGuard] });
      await test.users.update(test.john.id, { isActive: false });
      [leave, verdict] = [() => Object.assign(new User(), test.john, { isActive: true }), true];
      const { status, body } = await login({ body: JOHN });
      expect([status, body]).toEqual([401, ERRORS.invalidCredentials]);
      expect(await test.rows.count()).toBe(0);
    });

    it('gives no token to a user that earlier middleware has put on the request', async () => {
      class PassingGuard implements CanActivate {
        canActivate(): boolean {
          return true;
        }
      }
      test = await startApp({
        knox: { verifyCredentials: undefined, loginGuards: [PassingGuard] },
        configure: (app) =>
          app.use((request: KnoxRequest, _: unknown, next: () => void) => {
            request.user = test.john;
            next();
          }),
      });
      const { status, body } = await login({ body: JOHN });
      expect([status, body]).toEqual([401, ERRORS.notAuthenticated]);
      expect(await test.rows.count()).toBe(0);
    });

    it('lets its exceptions through', async () => {
      await start({ loginGuards: [SettableGuard] });
      leave = () => {
        throw new ImATeapotException('Not for tea');
      };
      const { status, body } = await login();
      expect([status, body.message]).toEqual([418, 'Not for tea']);
    });
  });

  /** Keeps the user of each request that passes. */
  @Controller('cached')
  class CachingController {
    @Get()
    @UseGuards(KnoxAuthGuard)
    keep(@CurrentUser() user: User): void {
      cached.push(user);
    }
  }
  const cached: User[] = [];

  it.each<[string, KnoxModuleOptions]>([
    ['verifyCredentials', { verifyCredentials: () => cached.at(-1) }],
    ['a guard of the application’s', { loginGuards: [SettableGuard] }],
  ])('may find the very object that an earlier token has brought: %s', async (_, knox) => {
    test = await startApp({
      knox: { verifyCredentials: undefined, ...knox },
      controllers: [CachingController],
    });
    const { token } = await test.tokens.create(test.john);
    [leave, verdict] = [() => cached.at(-1), true];
    await test.client.get('/cached', { token });
    expect((await login({ body: JOHN })).status).toBe(200);
    cached.push((await test.tokens.authenticate(token)).user as User);
    expect((await login({ body: JOHN })).status).toBe(200);
  });

  describe('with several guards', () => {
    const asked: string[] = [];

    class FirstGuard implements CanActivate {
      canActivate(context: ExecutionContext): boolean {
        asked.push('first');
        return context.switchToHttp().getRequest().headers['x-first'] !== 'no';
      }
    }
    class SecondGuard implements CanActivate {
      async canActivate(context: ExecutionContext): Promise<boolean> {
        asked.push('second');
        if (context.switchToHttp().getRequest().headers['x-second'] === 'no') {
          throw new ForbiddenException('Second says no');
        }
        return true;
      }
    }

    it('asks them in order, until one refuses', async () => {
      await start({ loginGuards: [FirstGuard, SecondGuard, SettableGuard] });
      [leave, verdict] = [() => asked.push('third') && test.john, true];
      const cases: [headers: Record<string, string>, status: number, order: string[]][] = [
        [{}, 200, ['first', 'second', 'third']],
        [{ 'x-second': 'no' }, 403, ['first', 'second']],
        [{ 'x-first': 'no' }, 403, ['first']],
      ];
      for (const [headers, status, order] of cases) {
        asked.length = 0;
        expect((await login({ headers })).status).toBe(status);
        expect(asked).toEqual(order);
      }
      expect(await test.rows.count()).toBe(1);
    });
  });

  describe('with a guard that relies on a token', () => {
    /** Calls a KnoxAuthGuard inside, where the check of the option cannot see it. */
    @Injectable()
    class BorrowingGuard implements CanActivate {
      constructor(private readonly guard: KnoxAuthGuard) {}

      canActivate(context: ExecutionContext): Promise<boolean> {
        return this.guard.canActivate(context);
      }
    }

    /** Ignores the `@Public()` of the login route. */
    class StrictGuard extends KnoxAuthGuard {
      protected override isPublic(): boolean {
        return false;
      }
    }

    /** Calls the service with a token from another header. */
    @Injectable()
    class ExchangingGuard implements CanActivate {
      constructor(private readonly tokens: TokenService) {}

      async canActivate(context: ExecutionContext): Promise<boolean> {
        const request = context.switchToHttp().getRequest<KnoxRequest>();
        const { user } = await this.tokens.authenticate(String(request.headers['x-token']));
        request.user = user;
        return true;
      }
    }

    class PassingGuard implements CanActivate {
      canActivate(): boolean {
        return true;
      }
    }

    @Module({
      providers: [{ provide: KnoxAuthGuard, useClass: StrictGuard }],
      exports: [KnoxAuthGuard],
    })
    class BorrowModule {}

    const cases: [string, Type<CanActivate>[]][] = [
      ['Passport’s, under the name knox', [AuthGuard('knox')]],
      ['one that asks a KnoxAuthGuard', [BorrowingGuard]],
      ['that and one that passes everybody', [BorrowingGuard, PassingGuard]],
      ['one that asks TokenService', [ExchangingGuard]],
    ];

    it.each(cases)('makes no token for a token: %s', async (_, loginGuards) => {
      await start({ loginGuards, imports: [BorrowModule] });
      const { token } = await test.tokens.create(test.john);
      const { status, body } = await login({ token, headers: { 'x-token': token } });
      expect([status, body]).toEqual([401, ERRORS.notAuthenticated]);
      expect(await test.rows.count()).toBe(1);
    });

    it('makes no token where a global guard has found the token’s user', async () => {
      test = await startApp({
        knox: { verifyCredentials: undefined, loginGuards: [PassingGuard] },
        providers: [StrictGuard],
        configure: (app) => app.useGlobalGuards(app.get(StrictGuard)),
      });
      const { token } = await test.tokens.create(test.john);
      const { status, body } = await login({ token });
      expect([status, body]).toEqual([401, ERRORS.notAuthenticated]);
      expect(await test.rows.count()).toBe(1);
    });
  });
});
