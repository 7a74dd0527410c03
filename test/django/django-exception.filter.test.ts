import { Controller, ForbiddenException, Get, UnauthorizedException } from '@nestjs/common';
import { UseFilters, UseGuards } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { DjangoExceptionFilter } from '../../lib/django/index.ts';
import { KnoxAuthGuard, KnoxController, type KnoxModuleOptions } from '../../lib/index.ts';
import { startApp, type AdapterName, type TestApp, type TestAppOptions } from '../support/app.ts';
import { BASIC_JOHN, JOHN } from '../support/credentials.ts';
import { RECORDED, publicFields } from '../support/django.ts';
import { CHALLENGES, ERRORS } from '../support/errors.ts';
import type { Answer } from '../support/http-client.ts';

const ADAPTERS: AdapterName[] = ['express', 'fastify'];
const BASIC = 'Basic realm="api"';
const WRONG: [string, string] = ['john.doe', 'wrong'];

@Controller('own')
class OwnController {
  @Get('unauthorized')
  unauthorized(): never {
    throw new UnauthorizedException('Not by knox.');
  }

  @Get('forbidden')
  forbidden(): never {
    throw new ForbiddenException();
  }

  @Get('broken')
  broken(): never {
    throw new Error('secret');
  }
}

@Controller('filtered')
@UseFilters(DjangoExceptionFilter)
class FilteredController {
  @Get()
  @UseGuards(KnoxAuthGuard)
  get(): object {
    return {};
  }
}

@Controller('old')
@UseFilters(DjangoExceptionFilter)
class FilteredRoutes extends KnoxController {}

describe.each(ADAPTERS)('DjangoExceptionFilter on %s', (adapter) => {
  let test: TestApp;
  const use = (options: TestAppOptions): void => {
    beforeAll(async () => {
      test = await startApp({ adapter, ...options });
    });
    afterEach(() => test.tokens.revokeAll(test.john));
    afterAll(() => test.close());
  };
  const forAll: TestAppOptions = {
    providers: [{ provide: APP_FILTER, useClass: DjangoExceptionFilter }],
  };
  const me = (authorization?: string): Promise<Answer> =>
    test.client.get('/me', { headers: authorization === undefined ? {} : { authorization } });

  describe('for the whole application', () => {
    use({ ...forAll, controllers: [OwnController], knox: { tokenLimitPerUser: 2 } });

    const requests: Record<string, () => Promise<Answer>> = {
      'no header': () => me(),
      'scheme only': () => me('Token'),
      'two words': () => me('Token one two'),
      unknown: () => me(`Token ${'f'.repeat(64)}`),
      'other scheme': () => me('Bearer abc'),
      inactive: async () => {
        const { token } = await test.tokens.create(test.jane);
        await test.users.update(test.jane.id, { isActive: false });
        try {
          return await me(`Token ${token}`);
        } finally {
          await test.users.update(test.jane.id, { isActive: true });
        }
      },
      'wrong password': () => test.client.post('/auth/login', { basic: WRONG }),
      limit: async () => {
        await test.login();
        await test.login();
        return test.client.post('/auth/login', { basic: BASIC_JOHN });
      },
    };

    it('is tested with all that Django recorded', () => {
      expect(Object.keys(requests)).toEqual(RECORDED.map((recorded) => recorded.case));
    });

    it.each(RECORDED)('answers as Django did: $case', async ({ case: name, ...expected }) => {
      expect(publicFields(await requests[name]!())).toEqual(expected);
    });

    describe.each([
      ['JSON, which browsers must not answer with a dialog', { body: JOHN }, 'Token'],
      ['HTTP Basic', { basic: BASIC_JOHN }, BASIC],
    ])('a login with %s', (_, right, wwwAuthenticate) => {
      const wrong = 'body' in right ? { body: { ...JOHN, password: 'wrong' } } : { basic: WRONG };
      const refused = { status: 401, body: { detail: 'Invalid username/password.' } };

      it('has the challenge of its scheme', async () => {
        const answer = publicFields(await test.client.post('/auth/login', wrong));
        expect(answer).toEqual({ ...refused, wwwAuthenticate });
      });

      it('has it for an inactive user too', async () => {
        await test.users.update(test.john.id, { isActive: false });
        try {
          const answer = publicFields(await test.client.post('/auth/login', right));
          expect(answer).toEqual({ ...refused, wwwAuthenticate });
        } finally {
          await test.users.update(test.john.id, { isActive: true });
        }
      });
    });

    it('names Basic at a login without credentials, as a view of DRF does', async () => {
      expect(publicFields(await test.client.post('/auth/login'))).toEqual({
        status: 401,
        body: { detail: 'Authentication credentials were not provided.' },
        wwwAuthenticate: BASIC,
      });
    });

    it.each([
      ['{"username"', 'The body must be a JSON object.'],
      ['{"username":"john.doe"}', '"password" is required.'],
    ])('answers an unusable login body with a detail: %s', async (body, detail) => {
      expect(publicFields(await test.client.post('/auth/login', { body }))).toEqual({
        status: 400,
        body: { detail },
        wwwAuthenticate: null,
      });
    });

    it('guards the logouts as well', async () => {
      for (const path of ['/auth/logout', '/auth/logoutall']) {
        expect(publicFields(await test.client.post(path, { token: 'f'.repeat(64) }))).toEqual({
          status: 401,
          body: { detail: 'Invalid token.' },
          wwwAuthenticate: 'Token',
        });
      }
    });

    it('does not change other exceptions of the application', async () => {
      const answers = await Promise.all(
        ['/own/unauthorized', '/own/forbidden', '/own/broken', '/nowhere'].map((path) =>
          test.client.get(path),
        ),
      );
      expect(answers.map(({ status, body }) => [status, body])).toEqual([
        [401, { statusCode: 401, message: 'Not by knox.', error: 'Unauthorized' }],
        [403, { statusCode: 403, message: 'Forbidden' }],
        [500, { statusCode: 500, message: 'Internal server error' }],
        [404, { statusCode: 404, message: 'Cannot GET /nowhere', error: 'Not Found' }],
      ]);
    });

    it('does not change what the router and the body parser answer, as the guide says', async () => {
      const post = (type: string, body: string) =>
        fetch(`${test.client.url}/auth/login`, {
          method: 'POST',
          headers: { 'content-type': type },
          body,
        });
      const send = (method: string, path: string) => fetch(test.client.url + path, { method });
      const answers = await Promise.all([
        send('POST', '/me'),
        send('GET', '/auth/login'),
        send('OPTIONS', '/me'),
        post('application/json', `{"username":"${'a'.repeat(1_500_000)}"}`),
        adapter === 'express'
          ? post('application/json; charset=latin-1', '{}')
          : post('multipart/form-data; boundary=x', '--x--'),
      ]);
      expect(answers.map(({ status }) => status)).toEqual([404, 404, 404, 413, 415]);
      for (const answer of answers) {
        expect(await answer.json()).toMatchObject({ statusCode: answer.status });
        expect(answer.headers.get('allow')).toBeNull();
      }
    });

    it('answers with a detail if the database is down', async () => {
      const { token } = await test.tokens.create(test.john);
      await test.dataSource.query('ALTER TABLE knox_auth_token RENAME TO elsewhere');
      try {
        expect(publicFields(await me(`Token ${token}`))).toEqual({
          status: 503,
          body: { detail: 'Authentication is unavailable.' },
          wwwAuthenticate: null,
        });
      } finally {
        await test.dataSource.query('ALTER TABLE elsewhere RENAME TO knox_auth_token');
      }
    });
  });

  describe('with useGlobalFilters, and another scheme', () => {
    use({
      knox: { authHeaderPrefix: 'Bearer' } satisfies KnoxModuleOptions,
      configure: (app) => void app.useGlobalFilters(new DjangoExceptionFilter()),
    });

    it('names that scheme', async () => {
      const { wwwAuthenticate } = publicFields(await me(`Bearer ${'f'.repeat(64)}`));
      expect(wwwAuthenticate).toBe('Bearer');
    });
  });

  describe('on some controllers', () => {
    use({
      knox: { controller: false },
      controllers: [FilteredController, FilteredRoutes],
    });

    it('answers there as DRF does, and elsewhere as NestJS', async () => {
      expect(publicFields(await test.client.get('/filtered'))).toEqual({
        status: 401,
        body: { detail: 'Authentication credentials were not provided.' },
        wwwAuthenticate: 'Token',
      });
      expect(publicFields(await test.client.post('/old/login', { basic: WRONG }))).toEqual({
        status: 401,
        body: { detail: 'Invalid username/password.' },
        wwwAuthenticate: BASIC,
      });
      expect(publicFields(await me())).toEqual({
        status: 401,
        body: ERRORS.notAuthenticated,
        wwwAuthenticate: CHALLENGES.token,
      });
    });
  });
});
