import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get, Post, UseGuards } from '@nestjs/common';
import { ApiQuery } from '@nestjs/swagger';
import {
  KnoxAuthGuard,
  KnoxController,
  OptionalKnoxAuthGuard,
  Public,
  Realm,
} from '../../lib/index.ts';
import { codesOf, describedDocument, operationsOf } from '../support/openapi.ts';
import { startRealmApp } from '../support/realm-app.ts';
import { startSessionApp } from '../support/session-app.ts';

let close: (() => Promise<void>) | undefined;
afterEach(async () => {
  await close?.();
  close = undefined;
});

@Controller('notes')
@UseGuards(KnoxAuthGuard)
class NotesController {
  @Get()
  read() {}

  @Post()
  write() {}

  @Post('staff')
  @Realm('staff')
  writeStaff() {}

  @Post('both')
  @Realm('api', 'staff')
  writeBoth() {}
}

@Controller('drafts')
@UseGuards(OptionalKnoxAuthGuard)
class DraftsController {
  @Post()
  write() {}
}

const API = [{ knox: [] }, { knoxCookie: [] }];
const STAFF = [{ 'knox-staff': [] }];

describe.each(['express', 'fastify'] as const)('describeKnox, of cookies on %s', (adapter) => {
  it('says that a token may come in the cookie, and where the origin is checked', async () => {
    const test = await startRealmApp({
      adapter,
      controllers: [NotesController, DraftsController],
      knox: { cookie: true },
    });
    close = () => test.close();
    const document = await describedDocument(test.app);
    expect(Object.keys(document.components!.securitySchemes!).sort()).toEqual([
      'knox',
      'knox-staff',
      'knoxCookie',
    ]);
    expect(document.components!.securitySchemes!.knoxCookie).toEqual({
      type: 'apiKey',
      in: 'cookie',
      name: '__Host-Http-session',
      description: expect.stringContaining('"api"'),
    });
    const found = operationsOf(document);
    expect(found['GET /notes']!.security).toEqual(API);
    expect(found['POST /notes/staff']!.security).toEqual(STAFF);
    expect(found['POST /notes/both']!.security).toEqual([...API, ...STAFF]);
    expect(found['POST /drafts']!.security).toEqual([{}, ...API]);
    const checked = Object.entries(found)
      .filter(([, operation]) => codesOf(operation)[403]?.includes('cross_origin'))
      .map(([name]) => name);
    expect(checked.sort()).toEqual([
      'POST /auth/login',
      'POST /auth/logout',
      'POST /auth/logoutall',
      'POST /drafts',
      'POST /notes',
      'POST /notes/both',
    ]);
  });

  it('names the cookies of several realms apart', async () => {
    const test = await startRealmApp({
      adapter,
      knox: { cookie: true },
      staff: { cookie: { name: 'staff-session' } },
    });
    close = () => test.close();
    const { components } = await describedDocument(test.app);
    expect(components!.securitySchemes).toMatchObject({
      knoxCookie: { name: '__Host-Http-session' },
      'knoxCookie-staff': { name: 'staff-session' },
    });
  });
});

describe('describeKnox, of a login that sets a cookie', () => {
  it('says how a client chooses the transport, and that the body may have no token', async () => {
    const test = await startSessionApp({ knox: { cookie: true } });
    close = () => test.close();
    const found = operationsOf(await describedDocument(test.app));
    for (const path of ['POST /auth/login', 'POST /auth/reauthenticate']) {
      const { parameters, responses } = found[path] as (typeof found)[string] & {
        parameters: object[];
      };
      expect(parameters).toMatchObject([
        { name: 'transport', in: 'query', schema: { enum: ['cookie', 'header'] } },
      ]);
      const { headers, content } = responses[200];
      expect(headers).toHaveProperty('Set-Cookie');
      const { required, properties } = content['application/json'].schema;
      expect([required, Object.keys(properties)]).toEqual([['expiry'], ['expiry', 'token']]);
      expect(codesOf(found[path]!)[403]).toContain('cross_origin');
    }
    expect(found['POST /auth/logout']).not.toHaveProperty('parameters.0');
  });

  it('keeps what an own controller says of its parameters', async () => {
    @Controller('own')
    class OwnController extends KnoxController {
      @Post('login')
      @Public()
      @ApiQuery({ name: 'transport', description: 'Mine.' })
      override async login() {
        return {};
      }
    }
    const test = await startSessionApp({ controllers: [OwnController], knox: { cookie: true } });
    close = () => test.close();
    const login = operationsOf(await describedDocument(test.app))['POST /own/login'];
    const { parameters } = login as unknown as { parameters: object[] };
    expect(parameters).toMatchObject([{ name: 'transport', description: 'Mine.' }]);
  });
});
