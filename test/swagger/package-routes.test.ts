import { afterEach, describe, expect, it } from '@jest/globals';
import {
  Controller,
  HttpCode,
  Injectable,
  Post,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { ApiOkResponse, ApiOperation } from '@nestjs/swagger';
import {
  KnoxAuthGuard,
  KnoxConfigError,
  KnoxController,
  KnoxSessionsController,
  SessionToken,
} from '../../lib/index.ts';
import { describeKnox } from '../../lib/swagger/index.ts';
import { PASSWORD, startApp, type TestApp, type TestAppOptions } from '../support/app.ts';
import { startSessionApp } from '../support/session-app.ts';
import {
  codesOf,
  createDocument,
  describedDocument,
  expectValid,
  operationsOf,
  type DocumentOptions,
  type FoundOperation,
} from '../support/openapi.ts';

let close: (() => Promise<void>) | undefined;
afterEach(async () => {
  await close?.();
  close = undefined;
});

function closing<App extends Pick<TestApp, 'close'>>(app: App): App {
  close = () => app.close();
  return app;
}

const start = async (options: TestAppOptions = {}) => closing(await startApp(options));

async function operations(options?: TestAppOptions, document?: DocumentOptions) {
  const { app } = await start(options);
  return operationsOf(await describedDocument(app, document));
}

/** The schema of an answer. */
const answerOf = ({ responses }: FoundOperation, status: string) =>
  responses[status].content['application/json'].schema;

const bodyOf = ({ requestBody }: FoundOperation) => requestBody.content['application/json'].schema;

const INVALID_TOKEN = ['invalid_header', 'invalid_token', 'user_inactive'];
const GUARD = {
  401: ['not_authenticated', ...INVALID_TOKEN],
  403: ['insufficient_ability'],
  503: ['unavailable'],
};

describe.each(['express', 'fastify'] as const)('describeKnox, on %s', (adapter) => {
  it('describes the routes by the errors that they answer', async () => {
    const { app } = closing(await startSessionApp({ adapter }));
    const found = operationsOf(await describedDocument(app));
    const ours = Object.entries(found).filter(([path]) => path.includes('/auth'));
    expect(Object.fromEntries(ours.map(([path, one]) => [path, codesOf(one)]))).toEqual({
      'POST /auth/login': {
        400: ['invalid_request'],
        401: ['not_authenticated', 'invalid_header', 'invalid_credentials'],
        403: ['token_limit_exceeded'],
        503: ['unavailable'],
      },
      'POST /auth/logout': GUARD,
      'POST /auth/logoutall': GUARD,
      'POST /auth/reauthenticate': {
        ...GUARD,
        400: ['invalid_request'],
        401: ['not_authenticated', ...INVALID_TOKEN, 'invalid_credentials'],
      },
      'GET /auth/sessions': GUARD,
      'DELETE /auth/sessions': GUARD,
      'GET /auth/sessions/current': GUARD,
      'PATCH /auth/sessions/{id}': {
        ...GUARD,
        400: ['invalid_request'],
        404: ['unknown_session'],
      },
      'DELETE /auth/sessions/{id}': { ...GUARD, 404: ['unknown_session'] },
    });
    expect(ours.filter(([, { summary = '' }]) => !summary.endsWith('.'))).toEqual([]);
  });

  it('describes the answers as they are', async () => {
    const { app, client } = closing(
      await startSessionApp({ adapter, knox: { userSerializer: () => ({ id: 1 }) } }),
    );
    const found = operationsOf(await describedDocument(app));
    const body = { username: 'john.doe', password: PASSWORD, name: 'laptop' };
    expect(Object.keys(bodyOf(found['POST /auth/login']!).properties)).toEqual(Object.keys(body));

    const login = await client.post('/auth/login', { body });
    expectDescribed(found['POST /auth/login']!, login);
    const token = login.body.token as string;
    const renewed = await client.post('/auth/reauthenticate', { body, token });
    expectDescribed(found['POST /auth/reauthenticate']!, renewed);
    const sending = { token: renewed.body.token as string };
    const ask = (method: string, path: string, more = {}) =>
      client.send(path, { method, ...sending, ...more });

    const list = await ask('GET', '/auth/sessions');
    const listed = answerOf(found['GET /auth/sessions']!, '200');
    expect(listed.items).toEqual(answerOf(found['GET /auth/sessions/current']!, '200'));
    expect(list.body).toHaveLength(1);
    const current = await ask('GET', '/auth/sessions/current');
    expectDescribed(found['GET /auth/sessions/current']!, current);
    const path = `/auth/sessions/${current.body.id as string}`;
    const renaming = found['PATCH /auth/sessions/{id}']!;
    expect(bodyOf(renaming).required).toEqual(['name']);
    expectDescribed(renaming, await ask('PATCH', path, { body: { name: null } }));
    expectDescribed(renaming, await ask('PATCH', path, { body: {} }));
    const unknown = await ask('DELETE', '/auth/sessions/0');
    expectDescribed(found['DELETE /auth/sessions/{id}']!, unknown);
    expectDescribed(found['DELETE /auth/sessions']!, await ask('DELETE', '/auth/sessions'));
    expectDescribed(found['POST /auth/logout']!, await ask('POST', '/auth/logout'));
    expectDescribed(found['POST /auth/logout']!, await ask('POST', '/auth/logout'));
  });

  /** Properties, types and code of an answer are those of the document. */
  function expectDescribed(
    operation: FoundOperation,
    { status, body }: { status: number; body: Record<string, any> },
  ) {
    expect(Object.keys(operation.responses)).toContain(String(status));
    if (status === 204) {
      expect(body).toBeUndefined();
      return;
    }
    if (status >= 400) {
      expect(codesOf(operation)[status]).toContain(body.code);
      expect(Object.keys(body).sort()).toEqual(['code', 'error', 'message', 'statusCode']);
      return;
    }
    const schema = answerOf(operation, String(status));
    expect(Object.keys(body).sort()).toEqual([...schema.required].sort());
    for (const [name, value] of Object.entries(body)) {
      const { type, nullable, pattern = '' } = schema.properties[name];
      if (value === null) expect([name, nullable]).toEqual([name, true]);
      else if (type === 'integer') expect(Number.isInteger(value)).toBe(true);
      else if (type === 'array') expect(Array.isArray(value)).toBe(true);
      else if (type !== undefined) expect([name, typeof value]).toEqual([name, type]);
      if (pattern !== '') expect(value).toMatch(new RegExp(pattern));
    }
  }
});

describe('describeKnox', () => {
  it('describes OpenAPI 3.1 too', async () => {
    const { app } = closing(await startSessionApp());
    const build: DocumentOptions['build'] = (builder) => builder.setOpenAPIVersion('3.1.0');
    const found = operationsOf(await describedDocument(app, { build }));
    const { properties } = answerOf(found['GET /auth/sessions/current']!, '200');
    expect(properties).toMatchObject({ lastUsed: { type: ['string', 'null'] } });
    expect(JSON.stringify(properties)).not.toContain('nullable');
  });

  it('goes by the options and the columns', async () => {
    const found = await operations({
      knox: {
        sessions: true,
        path: 'tokens',
        usernameField: 'email',
        passwordField: 'secret',
        formatExpiry: (expiry) => expiry?.getTime(),
      },
      configure: (app) => app.setGlobalPrefix('api'),
    });
    expect(found).not.toHaveProperty(['POST /api/tokens/reauthenticate']);
    const login = found['POST /api/tokens/login']!;
    expect(Object.keys(bodyOf(login).properties)).toEqual(['email', 'secret']);
    expect(login.requestBody.required).toBe(false);
    const { properties } = answerOf(login, '200');
    expect(properties).toEqual({ expiry: {}, token: { type: 'string' } });
    const session = answerOf(found['GET /api/tokens/sessions/current']!, '200');
    expect(Object.keys(session.properties)).toEqual(['id', 'created', 'expiry', 'current']);
    expect(session.properties.created).toEqual({});
  });

  it('describes the answers of an own controller as anything', async () => {
    @Controller('own')
    class OwnController extends KnoxController {
      protected override getLoginResponse() {
        return { access_token: '' };
      }
      protected override getLogoutResponse() {
        return { bye: true };
      }

      override async logoutAll() {}
    }
    @Controller('own/sessions')
    class OwnSessions extends KnoxSessionsController {
      protected override describe() {
        return {};
      }
    }
    const found = await operations({
      controllers: [OwnController, OwnSessions],
      knox: { controller: false, verifyCredentials: () => null },
    });
    expect(answerOf(found['POST /own/login']!, '200')).toEqual({});
    expect(Object.keys(found['POST /own/logout']!.responses)).toEqual(
      expect.arrayContaining(['200', '204']),
    );
    expect(answerOf(found['GET /own/sessions/current']!, '200')).toEqual({});
    // The override has no route of its own.
    expect(found).not.toHaveProperty(['POST /own/logoutall']);
    // Its answer is always a 404: AuthToken has no column for it.
    expect(found).not.toHaveProperty(['POST /own/reauthenticate']);
  });

  it('keeps what an own controller says of its routes', async () => {
    @Controller('own')
    class OwnController extends KnoxController {
      @Post('logout')
      @HttpCode(200)
      @UseGuards(KnoxAuthGuard)
      @ApiOperation({ summary: 'Mine.' })
      @ApiOkResponse({ description: 'Mine too.' })
      override async logout() {}
    }
    const found = await operations({
      controllers: [OwnController],
      knox: { controller: false, verifyCredentials: () => null },
    });
    const { summary, responses, security } = found['POST /own/logout']!;
    expect(summary).toBe('Mine.');
    expect(responses[200]).toEqual({ description: 'Mine too.' });
    expect(responses).toHaveProperty('401');
    expect(security).toEqual([{ knox: [] }]);
  });

  it('describes what an own controller formats as anything', async () => {
    @Controller('own')
    class OwnController extends KnoxController {
      protected override formatExpiry() {
        return 0;
      }
      protected override getUserSerializer() {
        return null;
      }
    }
    const found = await operations({
      controllers: [OwnController],
      knox: { controller: false, verifyCredentials: () => null },
    });
    expect(answerOf(found['POST /own/login']!, '200')).toEqual({
      type: 'object',
      required: ['expiry', 'token'],
      properties: { expiry: {}, token: { type: 'string' }, user: {} },
    });
  });

  it("does not say what the application's own login guards ask for", async () => {
    @Injectable()
    class PasskeyGuard implements CanActivate {
      canActivate(context: ExecutionContext) {
        context.switchToHttp().getRequest<{ user: unknown }>().user = null;
        return true;
      }
    }
    const found = await operations({ knox: { loginGuards: [PasskeyGuard] } });
    expect(found['POST /auth/login']!.requestBody).toBeUndefined();
  });

  it('asks for the credentials in the body, where the header holds the token', async () => {
    const { app } = closing(await startSessionApp());
    const found = operationsOf(await describedDocument(app));
    expect(found['POST /auth/reauthenticate']!.requestBody.required).toBe(true);
    expect(Object.keys(bodyOf(found['POST /auth/reauthenticate']!).properties)).toEqual([
      'username',
      'password',
    ]);
  });

  it('changes nothing in the document that it gets, nor in one that it has described', async () => {
    const { app } = closing(await startSessionApp());
    const document = createDocument(app);
    const before = structuredClone(document);
    const described = describeKnox(app, document);
    expect(document).toEqual(before);
    expect(described).not.toEqual(before);
    expect(describeKnox(app, described)).toEqual(described);
  });

  it('describes an application that does not listen yet', async () => {
    let early: ReturnType<typeof createDocument> | undefined;
    const { app } = await start({
      knox: { tokenEntity: SessionToken },
      entities: [(await import('../support/users.ts')).User, SessionToken],
      configure: (created) => {
        early = describeKnox(created, createDocument(created));
      },
    });
    await expectValid(early!);
    expect(early).toEqual(describeKnox(app, createDocument(app)));
  });

  it('leaves routes out that the document leaves out', async () => {
    const { app } = await start();
    const document = createDocument(app, { onlyIncludeDecoratedEndpoints: true });
    expect(describeKnox(app, document).paths).toEqual({});
  });

  it('refuses what is no application and no document', async () => {
    const { app } = await start();
    const call = describeKnox as (...args: unknown[]) => unknown;
    const document = createDocument(app);
    expect(() => call(undefined, document)).toThrow(
      new TypeError('app must be a NestJS application; got undefined.'),
    );
    for (const wrong of [undefined, null, 'x', {}, { openapi: '3.0.0' }, { paths: {} }]) {
      expect(() => call(app, wrong)).toThrow(TypeError);
    }
    expect(() => call({ get: () => app.get('no such provider') }, document)).toThrow(
      KnoxConfigError,
    );
  });
});
