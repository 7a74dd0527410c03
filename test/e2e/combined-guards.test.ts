import {
  Controller,
  Get,
  Injectable,
  Req,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { afterEach, describe, expect, it } from '@jest/globals';
import {
  CurrentUser,
  KnoxAuthGuard,
  OptionalKnoxAuthGuard,
  Public,
  type KnoxRequest,
} from '../../lib/index.ts';
import { startApp, type AdapterName, type TestApp } from '../support/app.ts';
import { CHALLENGES, ERRORS } from '../support/errors.ts';
import { LogRecorder } from '../support/log-recorder.ts';
import { OrGuard } from '../support/or-guard.ts';
import type { User } from '../support/users.ts';

/** Takes an API key, and sets a user of its own. */
@Injectable()
class KeyGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    const request = context.switchToHttp().getRequest<KnoxRequest>();
    if (request.headers['x-key'] !== 'good') return false;
    request.user = { service: true };
    return true;
  }
}

@Injectable()
class PassingGuard implements CanActivate {
  canActivate(): boolean {
    return true;
  }
}

const Either = OrGuard([KnoxAuthGuard, KeyGuard]);
const who = ({ user }: KnoxRequest): object => ({ user: user ?? null });

@Controller('either')
@UseGuards(Either)
class EitherController {
  @Get()
  either(@Req() request: KnoxRequest, @CurrentUser() user?: User): object {
    const { service, username } = (request.user ?? {}) as { service?: boolean; username?: string };
    return { service, username, current: user?.username };
  }

  @Public()
  @Get('open')
  open(@Req() request: KnoxRequest): object {
    return who(request);
  }
}

/** Nothing is injected into an instance that a decorator names: an application would have to fill it in itself. */
const instance = Object.assign(new KnoxAuthGuard(), { realms: null });

@Public()
@Controller('public')
class PublicController {
  @UseGuards(Either)
  @Get('either')
  either(@Req() request: KnoxRequest): object {
    return who(request);
  }

  @UseGuards(PassingGuard)
  @Get('other')
  other(): object {
    return {};
  }

  @UseGuards(instance)
  @Get('made-with-new')
  madeWithNew(): object {
    return {};
  }

  @Public()
  @UseGuards(KnoxAuthGuard)
  @Get('itself')
  itself(): object {
    return {};
  }
}

let test: TestApp;
afterEach(() => test.close());

const start = async (adapter: AdapterName, globalGuard?: object): Promise<void> => {
  test = await startApp({
    adapter,
    controllers: [EitherController, PublicController],
    providers: [
      KnoxAuthGuard,
      KeyGuard,
      PassingGuard,
      ...(globalGuard ? [{ provide: APP_GUARD, ...globalGuard }] : []),
    ] as never,
  });
};
const get = (path: string, sending: object = {}) => test.client.get(path, sending);
const key = { 'x-key': 'good' };

describe.each<AdapterName>(['express', 'fastify'])(
  'guards combined by another on %s',
  (adapter) => {
    it('keep the user of the one that lets the request pass', async () => {
      await start(adapter);
      const token = await test.login();
      for (const sending of [{ headers: key }, { headers: key, token: 'f'.repeat(64) }]) {
        const { status, body, headers } = await get('/either', sending);
        expect([status, body]).toEqual([200, { service: true }]);
        expect(headers['www-authenticate']).toBeUndefined();
      }
      const { status, body } = await get('/either', { token });
      expect([status, body]).toEqual([200, { username: 'john.doe', current: 'john.doe' }]);
    });

    it('send the challenge with a 401', async () => {
      await start(adapter);
      const none = await get('/either');
      expect([none.status, none.body]).toEqual([401, ERRORS.notAuthenticated]);
      expect(none.headers['www-authenticate']).toBe(CHALLENGES.token);
      const bad = await get('/either', { token: 'f'.repeat(64) });
      expect([bad.status, bad.body]).toEqual([401, ERRORS.invalidToken]);
      expect(bad.headers['www-authenticate']).toBe(CHALLENGES.badToken);
    });

    it.each([
      ['no global guard', undefined],
      ['a global KnoxAuthGuard', { useClass: KnoxAuthGuard }],
      ['that same guard as the global one', { useExisting: KnoxAuthGuard }],
      ['another global guard', { useClass: PassingGuard }],
    ])('are asked on a handler of a public class beside %s', async (_, globalGuard) => {
      await start(adapter, globalGuard);
      expect((await get('/public/either')).body).toEqual(ERRORS.notAuthenticated);
      expect((await get('/public/either', { token: 'x' })).body).toEqual(ERRORS.invalidToken);
      expect((await get('/public/either', { headers: key })).body).toEqual({
        user: { service: true },
      });
    });

    it.each([
      ['a class', undefined],
      ['the whole application', { useClass: Either }],
    ])('leave a public handler open if they guard %s', async (_, globalGuard) => {
      await start(adapter, globalGuard);
      const { status, body } = await get('/either/open');
      expect([status, body]).toEqual([200, { user: null }]);
      const login = await test.client.post('/auth/login', {
        body: { username: 'john.doe', password: 'hunter2' },
      });
      expect(login.status).toBe(200);
    });

    it.each([
      ['a class of its own', { useClass: KnoxAuthGuard }],
      ['an instance that others ask too', { useExisting: KnoxAuthGuard }],
    ])(
      'do not close a public handler with a guard of another kind to a global KnoxAuthGuard, %s',
      async (_, globalGuard) => {
        await start(adapter, globalGuard);
        for (const sending of [{}, { token: 'x' }]) {
          expect((await get('/public/other', sending)).status).toBe(200);
        }
      },
    );
  },
);

describe('a KnoxAuthGuard that is named on a handler', () => {
  it('counts more than @Public() on the class if it is an instance', async () => {
    await start('express');
    const log = new LogRecorder();
    test.app.useLogger(log);
    for (const sending of [{}, { token: 'x' }, { token: await test.login() }]) {
      expect((await get('/public/made-with-new', sending)).status).toBe(500);
    }
    expect(log.errors[0]).toContain('KnoxAuthGuard was made with new');

    Object.assign(instance, test.app.get(KnoxAuthGuard));
    expect((await get('/public/made-with-new')).body).toEqual(ERRORS.notAuthenticated);
    const token = await test.login();
    expect((await get('/public/made-with-new', { token })).status).toBe(200);
  });

  it('counts if a class that extends it stands in for it', async () => {
    class StricterGuard extends KnoxAuthGuard {}
    await start('express');
    const guard = await test.app.resolve(KnoxAuthGuard);
    Object.setPrototypeOf(guard, StricterGuard.prototype);
    expect((await get('/public/itself')).status).toBe(401);
  });

  it('counts beside @Public() on the same handler', async () => {
    await start('express', { useClass: OptionalKnoxAuthGuard });
    expect((await get('/public/itself')).body).toEqual(ERRORS.notAuthenticated);
  });
});
