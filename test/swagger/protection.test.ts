import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Injectable, Scope, UseGuards, type CanActivate } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { ApiBearerAuth, ApiSecurity, ApiUnauthorizedResponse } from '@nestjs/swagger';
import { Fresh, KnoxAuthGuard, OptionalKnoxAuthGuard, Public, Realm } from '../../lib/index.ts';
import { startApp, type TestAppOptions } from '../support/app.ts';
import { startRealmApp } from '../support/realm-app.ts';
import { codesOf, describedDocument, operationsOf } from '../support/openapi.ts';

let close: (() => Promise<void>) | undefined;
afterEach(async () => {
  await close?.();
  close = undefined;
});

/** The operations of the described document. */
async function operations(options: TestAppOptions, build?: Parameters<typeof described>[1]) {
  return operationsOf(await described(options, build));
}

async function described(
  options: TestAppOptions,
  build?: NonNullable<Parameters<typeof describedDocument>[1]>['build'],
) {
  const test = await startApp(options);
  close = () => test.close();
  return describedDocument(test.app, build && { build });
}

@Injectable()
class AppGuard extends KnoxAuthGuard {}

@Injectable({ scope: Scope.REQUEST })
class RequestGuard extends KnoxAuthGuard {}

@Injectable()
class OtherGuard implements CanActivate {
  canActivate() {
    return true;
  }
}

@Controller('plain')
class Plain {
  @Get()
  nothing() {}

  @UseGuards(OtherGuard, KnoxAuthGuard)
  @Get('guarded')
  guarded() {}

  @UseGuards(OptionalKnoxAuthGuard)
  @Get('optional')
  optional() {}

  @UseGuards(OtherGuard)
  @Get('other')
  other() {}

  @Public()
  @Get('public')
  public() {}

  @Public()
  @UseGuards(AppGuard)
  @Get('public-guarded')
  publicAndGuarded() {}

  @Public()
  @UseGuards(OptionalKnoxAuthGuard)
  @Get('public-optional')
  publicAndOptional() {}
}

@Controller('class')
@UseGuards(AppGuard)
class GuardedClass {
  @Get()
  get() {}

  @Public()
  @Get('public')
  public() {}

  @UseGuards(OptionalKnoxAuthGuard)
  @Get('optional')
  optional() {}
}

@Controller('public-class')
@Public()
@UseGuards(OptionalKnoxAuthGuard)
class PublicClass {
  @Get()
  get() {}

  @UseGuards(KnoxAuthGuard)
  @Get('guarded')
  guarded() {}
}

const TOKEN = [{ knox: [] }];
const MAYBE = [{}, { knox: [] }];

/** What the operations ask for without a global guard. */
const LOCAL = {
  'GET /plain': undefined,
  'GET /plain/guarded': TOKEN,
  'GET /plain/optional': MAYBE,
  'GET /plain/other': undefined,
  'GET /plain/public': undefined,
  'GET /plain/public-guarded': TOKEN,
  'GET /plain/public-optional': MAYBE,
  'GET /class': TOKEN,
  'GET /class/public': undefined,
  'GET /class/optional': TOKEN,
  'GET /public-class': MAYBE,
  'GET /public-class/guarded': TOKEN,
  'GET /me': TOKEN,
  'POST /auth/login': [],
  'POST /auth/logout': TOKEN,
};

const GLOBAL = { 'GET /plain': TOKEN, 'GET /plain/optional': TOKEN, 'GET /plain/other': TOKEN };
const GLOBAL_OPTIONAL = { 'GET /plain': MAYBE, 'GET /plain/other': MAYBE };

const GUARDS: [name: string, options: TestAppOptions, asked: object][] = [
  ['none', {}, {}],
  ['APP_GUARD', { providers: [{ provide: APP_GUARD, useClass: KnoxAuthGuard }] }, GLOBAL],
  ['a subclass', { providers: [{ provide: APP_GUARD, useClass: AppGuard }] }, GLOBAL],
  ['a request-scoped one', { providers: [{ provide: APP_GUARD, useClass: RequestGuard }] }, GLOBAL],
  [
    'an existing one',
    { providers: [AppGuard, { provide: APP_GUARD, useExisting: AppGuard }] },
    GLOBAL,
  ],
  [
    'useGlobalGuards()',
    {
      providers: [AppGuard],
      configure: (app) => app.useGlobalGuards(app.get(AppGuard)),
    },
    GLOBAL,
  ],
  [
    'an optional one',
    { providers: [{ provide: APP_GUARD, useClass: OptionalKnoxAuthGuard }] },
    GLOBAL_OPTIONAL,
  ],
  ['one of another package', { providers: [{ provide: APP_GUARD, useClass: OtherGuard }] }, {}],
];

describe('describeKnox', () => {
  it.each(GUARDS)('says which routes ask for a token; global guard: %s', async (_, app, asked) => {
    const found = await operations({ controllers: [Plain, GuardedClass, PublicClass], ...app });
    const expected = { ...LOCAL, ...asked };
    const securities = Object.keys(expected).map((path) => [path, found[path]!.security]);
    expect(Object.fromEntries(securities)).toEqual(expected);
  });

  it('says what a request gets that the guard refuses', async () => {
    @Controller('fresh')
    @UseGuards(KnoxAuthGuard)
    class FreshController {
      @Fresh('10m')
      @Get()
      get() {}
    }
    const found = await operations({ controllers: [Plain, FreshController] });
    const bad = ['invalid_header', 'invalid_token', 'user_inactive'];
    const guarded = found['GET /plain/guarded']!;
    expect(codesOf(guarded)).toEqual({
      401: ['not_authenticated', ...bad],
      403: ['insufficient_ability'],
      503: ['unavailable'],
    });
    expect(guarded.responses[401].headers).toHaveProperty('WWW-Authenticate');
    expect(Object.keys(guarded.responses)).toEqual(['200', '401', '403', '503']);
    expect(codesOf(found['GET /plain/optional']!)[401]).toEqual(bad);
    expect(codesOf(found['GET /fresh']!)[403]).toEqual([
      'insufficient_ability',
      'reauthentication_required',
    ]);
    expect(Object.keys(found['GET /plain']!.responses)).toEqual(['200']);
  });

  it('keeps what the document says already', async () => {
    @Controller('documented')
    @UseGuards(KnoxAuthGuard)
    class Documented {
      @ApiUnauthorizedResponse({ description: 'Mine.' })
      @Get()
      get() {}

      @ApiBearerAuth('jwt')
      @Get('both')
      both() {}

      @ApiSecurity('knox')
      @Get('named')
      named() {}
    }
    const document = await described({ controllers: [Documented] }, (builder) =>
      builder
        .addBearerAuth({ type: 'http', scheme: 'bearer' }, 'jwt')
        .addCookieAuth('session', { type: 'apiKey' }, 'knox'),
    );
    expect(document.components!.securitySchemes).toEqual({
      jwt: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
      knox: { type: 'apiKey', in: 'cookie', name: 'session' },
    });
    const found = operationsOf(document);
    expect(found['GET /documented']!.responses[401]).toEqual({ description: 'Mine.' });
    expect(found['GET /documented/both']!.security).toEqual([{ jwt: [], knox: [] }]);
    expect(found['GET /documented/named']!.security).toEqual([{ knox: [] }]);
  });

  it('says more of an operation than the whole document does', async () => {
    const found = await operations({ controllers: [Plain] }, (builder) =>
      builder.addSecurityRequirements('knox'),
    );
    expect(found['GET /plain/guarded']!.security).toEqual(TOKEN);
    expect(found['GET /plain/optional']!.security).toEqual(MAYBE);
    expect(found['POST /auth/login']!.security).toEqual([]);
  });
});

describe.each(['express', 'fastify'] as const)('describeKnox, of realms on %s', (adapter) => {
  @Controller('rooms')
  @UseGuards(KnoxAuthGuard)
  class Rooms {
    @Realm('staff')
    @Get('staff')
    staff() {}

    @Realm('api', 'staff')
    @Get('both')
    both() {}

    @Realm('api', 'staff')
    @UseGuards(OptionalKnoxAuthGuard)
    @Public()
    @Get('all')
    all() {}
  }

  it('says whose tokens a route takes, and how they are sent', async () => {
    const test = await startRealmApp({
      adapter,
      controllers: [Rooms],
      staff: { authHeaderPrefix: 'bearer' },
    });
    close = () => test.close();
    const document = await describedDocument(test.app);
    expect(document.components!.securitySchemes).toEqual({
      knox: {
        type: 'apiKey',
        in: 'header',
        name: 'Authorization',
        description: expect.stringContaining('"Token '),
      },
      'knox-staff': {
        type: 'http',
        scheme: 'bearer',
        description: expect.stringContaining('"staff"'),
      },
    });
    const found = operationsOf(document);
    const STAFF = { 'knox-staff': [] };
    expect(found['GET /rooms/staff']!.security).toEqual([STAFF]);
    expect(found['GET /rooms/both']!.security).toEqual([...TOKEN, STAFF]);
    expect(found['GET /rooms/all']!.security).toEqual([{}, ...TOKEN, STAFF]);
    expect(found['POST /auth/logout']!.security).toEqual(TOKEN);
    expect(found['POST /staff/auth/logout']!.security).toEqual([STAFF]);
    expect(found['POST /auth/logout']!.operationId).toBe('KnoxController_logout');
    expect(found['POST /staff/auth/logout']!.operationId).toBe('KnoxController_logout_staff');
  });
});
