import { Module, type OnModuleInit, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { TypeOrmModule } from '@nestjs/typeorm';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { DataSource } from 'typeorm';
import { AuthToken, KnoxModule } from '../../lib/index.ts';
import { startApp, type AdapterName, type TestApp } from '../support/app.ts';
import { BASIC_JOHN, JOHN } from '../support/credentials.ts';
import { HttpClient } from '../support/http-client.ts';
import { User } from '../support/users.ts';

const ADAPTERS: AdapterName[] = ['express', 'fastify'];
const TEN_HOURS_MS = 36_000_000;

describe.each(ADAPTERS)('the routes on %s', (adapter) => {
  let test: TestApp;
  beforeAll(async () => {
    test = await startApp({ adapter });
  });
  beforeEach(async () => {
    await test.tokens.revokeAll(test.john);
  });
  afterAll(() => test.close());

  describe('POST /auth/login', () => {
    it.each([
      ['JSON', { body: JOHN }],
      ['HTTP Basic', { basic: BASIC_JOHN }],
      ['HTTP Basic beside an empty JSON object', { basic: BASIC_JOHN, body: {} }],
      ['HTTP Basic beside a body that holds no credentials', { basic: BASIC_JOHN, body: { a: 1 } }],
      [
        'JSON beside another scheme’s header',
        { body: JOHN, headers: { authorization: 'Other x' } },
      ],
    ])('answers %s with 200, the expiry and the token', async (_, sending) => {
      const before = Date.now();
      const { status, headers, body } = await test.client.post('/auth/login', sending);
      expect(status).toBe(200);
      expect(headers['cache-control']).toBe('no-store');
      expect(headers['www-authenticate']).toBeUndefined();
      expect(headers['content-type']).toBe('application/json; charset=utf-8');
      expect(body).toEqual({ expiry: expect.any(String), token: expect.any(String) });
      expect(body.token).toMatch(/^[0-9a-f]{64}$/);
      expect(new Date(body.expiry).toISOString()).toBe(body.expiry);
      expect(Date.parse(body.expiry)).toBeGreaterThanOrEqual(before + TEN_HOURS_MS);
      expect(Date.parse(body.expiry)).toBeLessThanOrEqual(Date.now() + TEN_HOURS_MS);
      const [row] = await test.tokens.list(test.john);
      expect(row?.expiry?.toISOString()).toBe(body.expiry);
    });

    it('forbids the browser to cache a refusal too', async () => {
      const { status, headers } = await test.client.post('/auth/login', {});
      expect(status).toBe(401);
      expect(headers['cache-control']).toBe('no-store');
    });

    it('makes another token for each login', async () => {
      const tokens = [await test.login(), await test.login(), await test.login()];
      expect(new Set(tokens).size).toBe(3);
      expect(await test.rows.count()).toBe(3);
    });

    it('answers to no other method', async () => {
      expect((await test.client.get('/auth/login', { basic: BASIC_JOHN })).status).toBe(404);
      expect(await test.rows.count()).toBe(0);
    });
  });

  describe('POST /auth/logout', () => {
    it('answers 204 without a body, and this token alone is gone', async () => {
      const [token, other] = [await test.login(), await test.login()];
      const answer = await test.client.post('/auth/logout', { token });
      expect(answer.status).toBe(204);
      expect(answer.text).toBe('');
      expect(answer.headers['content-type']).toBeUndefined();
      expect((await test.client.get('/me', { token })).status).toBe(401);
      expect((await test.client.get('/me', { token: other })).status).toBe(200);
    });

    it('takes an empty JSON body', async () => {
      const token = await test.login();
      expect((await test.client.post('/auth/logout', { token, body: {} })).status).toBe(204);
    });
  });

  describe('POST /auth/logoutall', () => {
    it('answers 204 without a body, and all tokens of this user are gone', async () => {
      const [token, other] = [await test.login(), await test.login()];
      const janes = await test.login('jane.doe');
      const answer = await test.client.post('/auth/logoutall', { token });
      expect(answer.status).toBe(204);
      expect(answer.text).toBe('');
      expect((await test.client.get('/me', { token })).status).toBe(401);
      expect((await test.client.get('/me', { token: other })).status).toBe(401);
      expect((await test.client.get('/me', { token: janes })).status).toBe(200);
    });
  });

  it.each(['/auth/logout', '/auth/logoutall'])('%s answers to no GET', async (path) => {
    const token = await test.login();
    expect((await test.client.get(path, { token })).status).toBe(404);
    expect((await test.client.get('/me', { token })).status).toBe(200);
  });
});

describe.each(ADAPTERS)('the path option on %s', (adapter) => {
  it('moves the routes, and leaves none behind', async () => {
    const test = await startApp({ adapter, knox: { path: 'api/session' } });
    const { status, body } = await test.client.post('/api/session/login', { body: JOHN });
    expect(status).toBe(200);
    const { token } = body;
    expect((await test.client.post('/auth/login', { body: JOHN })).status).toBe(404);
    expect((await test.client.post('/api/session/logout', { token })).status).toBe(204);
    await test.close();
  });

  it('goes with a global prefix', async () => {
    const test = await startApp({ adapter, configure: (app) => app.setGlobalPrefix('v1') });
    expect((await test.client.post('/v1/auth/login', { body: JOHN })).status).toBe(200);
    expect((await test.client.post('/auth/login', { body: JOHN })).status).toBe(404);
    await test.close();
  });
});

describe('controller: false', () => {
  it('brings no routes', async () => {
    const test = await startApp({ knox: { controller: false } });
    for (const route of ['login', 'logout', 'logoutall']) {
      const { status } = await test.client.post(`/auth/${route}`, { body: JOHN });
      expect([route, status]).toEqual([route, 404]);
    }
    const { token } = await test.tokens.create(test.john);
    expect((await test.client.get('/me', { token })).status).toBe(200);
    await test.close();
  });
});

describe('a trailing slash', () => {
  it('is accepted on Express', async () => {
    const test = await startApp();
    await sessionOverSlashes(test.client);
    await test.close();
  });

  it('is accepted on Fastify with ignoreTrailingSlash', async () => {
    const adapter = new FastifyAdapter({ routerOptions: { ignoreTrailingSlash: true } });
    const app = await NestFactory.create(appModule(), adapter, { logger: false });
    await app.listen(0, '127.0.0.1');
    await sessionOverSlashes(new HttpClient(await app.getUrl()));
    await app.close();
  });

  it('is no route on Fastify as it comes', async () => {
    const test = await startApp({ adapter: 'fastify' });
    expect((await test.client.post('/auth/login/', { body: JOHN })).status).toBe(404);
    expect(await test.rows.count()).toBe(0);
    await test.close();
  });
});

async function sessionOverSlashes(client: HttpClient): Promise<void> {
  const login = await client.post('/auth/login/', { body: JOHN });
  expect(login.status).toBe(200);
  const other = await client.post('/auth/login/', { body: JOHN });
  expect((await client.post('/auth/logout/', { token: login.body.token })).status).toBe(204);
  expect((await client.post('/auth/logoutall/', { token: login.body.token })).status).toBe(401);
  expect((await client.post('/auth/logoutall/', { token: other.body.token })).status).toBe(204);
  expect((await client.post('/auth/logoutall/', { token: other.body.token })).status).toBe(401);
}

/** Starts an application without startApp, whose adapter takes no options. */
function appModule(): Type {
  const john = Object.assign(new User(), { ...JOHN, id: 1, isActive: true });

  @Module({
    imports: [
      TypeOrmModule.forRoot({
        type: 'better-sqlite3',
        database: ':memory:',
        entities: [User, AuthToken],
        synchronize: true,
      }),
      KnoxModule.forRoot({ verifyCredentials: () => john }),
    ],
  })
  class AppModule implements OnModuleInit {
    constructor(private readonly dataSource: DataSource) {}

    async onModuleInit(): Promise<void> {
      await this.dataSource.getRepository(User).save(john);
    }
  }
  return AppModule;
}
