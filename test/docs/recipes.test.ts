import { afterEach, describe, expect, it } from '@jest/globals';
import { Controller, Get } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { Test, type TestingModule } from '@nestjs/testing';
import { JwtService } from '@nestjs/jwt';
import { getRepositoryToken } from '@nestjs/typeorm';
import type { Repository } from 'typeorm';
import { User as SampleUser } from '../../sample/01-quickstart/src/user.entity.ts';
import { AuthToken, KnoxAuthGuard, TokenService } from '../../lib/index.ts';
import { HttpClient } from '../support/http-client.ts';
import { PASSWORD, startApp, type TestApp, type TestAppOptions } from '../support/app.ts';
import * as cookie from './recipes/cookie.ts';
import * as device from './recipes/device-token.ts';
import { DeviceToken, Member } from './recipes/member.entity.ts';
import { Staff, StaffToken } from './recipes/staff.entity.ts';
import { DevicesController } from './recipes/devices.ts';
import * as globalGuard from './recipes/global-guard.ts';
import * as jwt from './recipes/knox-and-jwt.ts';
import * as local from './recipes/local-login.ts';
import { testingModule } from './recipes/override-guard.ts';
import { PasswordController } from './recipes/password.ts';
import { AuthController } from './recipes/per-user.ts';
import * as realms from './recipes/realms.ts';
import * as roles from './recipes/roles/roles.ts';
import { Role, User as UserWithRoles } from './recipes/roles/user.entity.ts';
import * as signUp from './recipes/sign-up.ts';
import { User } from './recipes/user.entity.ts';
import { UsersModule } from './recipes/users.module.ts';

describe('a recipe', () => {
  let test: TestApp;
  const start = async (options: TestAppOptions) => (test = await startApp(options));
  afterEach(() => test.close());

  it('guards every route but the public ones', async () => {
    const { client, login } = await start({ imports: [globalGuard.ArticlesModule] });
    expect((await client.get('/articles/mine')).body.code).toBe('not_authenticated');
    expect((await client.get('/articles')).body).toEqual({ articles: [] });
    expect((await client.get('/articles/front')).body).toEqual({ greeting: 'Hello, stranger' });
    expect((await client.get('/articles/front', { token: 'wrong' })).status).toBe(401);
    const token = await login();
    expect((await client.get('/articles/mine', { token })).body).toEqual({ author: 'john.doe' });
    expect((await client.get('/articles/front', { token })).body).toEqual({
      greeting: 'Hello, john.doe',
    });
  });

  it('logs in with a guard of the application’s own', async () => {
    const { client, login } = await start({ knoxModule: local.AuthModule });
    expect((await client.get('/me', { token: await login() })).status).toBe(200);
    const body = { username: 'john.doe', password: 'wrong' };
    expect((await client.post('/auth/login', { body })).status).toBe(401);
  });

  it('gives tokens a column more, and an owner of another name', async () => {
    const { client, dataSource } = await start({
      knoxModule: device.AuthModule,
      entities: [Member, DeviceToken],
    });
    const members = dataSource.getRepository(Member);
    await members.save(members.create({ email: 'ada@example.org', passwordHash: '' }));
    const answer = await client.post('/auth/login', {
      body: { email: 'ada@example.org', password: PASSWORD },
      headers: { 'x-device-name': 'laptop' },
    });
    expect(answer.status).toBe(200);
    const [row] = await dataSource.getRepository(DeviceToken).find();
    expect(row).toMatchObject({ deviceName: 'laptop', tokenKey: answer.body.token.slice(0, 15) });
  });

  it('takes tokens and JWTs on one route', async () => {
    process.env.JWT_SECRET = 'a secret of this test';
    const { client, login } = await start({ knoxModule: jwt.AuthModule });
    const call = async (credentials: string) => {
      const headers = { authorization: `Bearer ${credentials}` };
      return (await client.get('/reports', { headers })).status;
    };
    const service = new JwtService({ secret: process.env.JWT_SECRET });
    expect(await call(await login())).toBe(200);
    expect(await call(service.sign({ sub: 'ada' }))).toBe(200);
    expect(await call(service.sign({ sub: 'ada' }, { secret: 'another' }))).toBe(401);
    expect(await call('f'.repeat(64))).toBe(401);
    expect((await client.get('/reports')).status).toBe(401);
  });

  it('gives one user another TTL and limit', async () => {
    const { users, rows, login } = await start({
      knox: { controller: false },
      controllers: [AuthController],
    });
    await users.save(users.create({ username: 'kiosk', password: PASSWORD }));
    await login();
    await login();
    await login('kiosk');
    await expect(login('kiosk')).rejects.toThrow('token_limit_exceeded');
    const hours = (await rows.find()).map(
      ({ created, expiry }) => (expiry!.getTime() - created.getTime()) / 3_600_000,
    );
    expect(hours.sort()).toEqual([10, 10, 720]);
  });

  it('keeps the token in a cookie', async () => {
    const { client } = await start({ knoxModule: cookie.AuthModule });
    const body = { username: 'john.doe', password: PASSWORD };
    const login = await client.post('/auth/login', { body });
    expect(Object.keys(login.body)).toEqual(['expiry']);
    const [set] = login.headers['set-cookie'] ?? [];
    expect(set).toMatch(
      /^session=[0-9a-f]{64}; Max-Age=36000; Path=\/; HttpOnly; SameSite=Strict$/,
    );
    const headers = { cookie: `theme=dark; ${set!.split(';')[0]!}` };
    expect((await client.get('/me', { headers })).status).toBe(200);
    const evil = { ...headers, origin: 'https://evil.example' };
    expect((await client.post('/auth/logout', { headers: evil })).body.code).toBe('cross_origin');
    const logout = await client.post('/auth/logout', { headers });
    expect(logout.status).toBe(204);
    expect(logout.headers['set-cookie']?.[0]).toMatch(/^session=; Max-Age=0; /);
    expect((await client.get('/me', { headers })).body.code).toBe('invalid_token');
    expect((await client.get('/me')).body.code).toBe('not_authenticated');
  });

  it('makes a token at sign-up, in the same transaction, though a guard closes the whole app', async () => {
    const { client, rows } = await start({
      controllers: [signUp.SignUpController],
      providers: [{ provide: APP_GUARD, useClass: KnoxAuthGuard }],
      entities: [SampleUser, AuthToken],
    });
    const body = { username: 'ada', password: PASSWORD };
    const { token } = (await client.post('/sign-up', { body })).body;
    expect((await client.get('/me', { token })).body.username).toBe('ada');
    expect((await client.post('/sign-up', { body })).status).toBe(500);
    expect(await rows.count()).toBe(1);
  });

  it('lets roles decide', async () => {
    const { app, client, dataSource, login } = await start({
      knoxModule: roles.AuthModule,
      entities: [UserWithRoles, Role, AuthToken],
    });
    const users = dataSource.getRepository(UserWithRoles);
    // Of the module on the page: an app with autoLoadEntities has no other entities.
    const admin = await app.get<Repository<Role>>(getRepositoryToken(Role)).save({ name: 'admin' });
    const passwordHash = '';
    await users.save([
      { username: 'ada', passwordHash, roles: [admin] },
      { username: 'bob', passwordHash },
    ]);
    const remove = async (token?: string) =>
      (await client.send('/accounts', { method: 'DELETE', ...(token && { token }) })).status;
    expect(await remove(await login('ada'))).toBe(200);
    expect(await remove(await login('bob'))).toBe(403);
    expect(await remove()).toBe(401);
  });

  it('logs out the other devices where the password changes', async () => {
    const { client, login } = await start({
      imports: [UsersModule],
      controllers: [PasswordController],
    });
    const [token, other] = [await login(), await login()];
    const change = (old: string) =>
      client.send('/password', { method: 'PUT', token, body: { old, password: 'better' } });
    expect((await change('wrong')).status).toBe(403);
    expect((await client.get('/me', { token: other })).status).toBe(200);
    expect((await change(PASSWORD)).body).toEqual({ loggedOut: 1 });
    expect((await client.get('/me', { token })).status).toBe(200);
    expect((await client.get('/me', { token: other })).status).toBe(401);
  });

  it('has users of two realms', async () => {
    const { client, dataSource, login } = await start({
      knoxModule: realms.AuthModule,
      entities: [User, AuthToken, Staff, StaffToken],
    });
    await dataSource.getRepository(Staff).save({ username: 'grace', passwordHash: '' });
    const body = { username: 'grace', password: PASSWORD };
    const staff = (await client.post('/staff/auth/login', { body })).body.token as string;
    const token = await login();
    expect(staff).toMatch(/^staff_/);
    expect((await client.get('/office', { token: staff })).body).toEqual({ staff: 'grace' });
    expect((await client.get('/office', { token })).body.code).toBe('invalid_token');
    const news = async (own: string) => (await client.get('/office/news', { token: own })).body;
    expect(await news(staff)).toEqual({ greeting: 'Hello, grace' });
    expect(await news(token)).toEqual({ greeting: 'Hello, john.doe' });
    const ended = await client.send('/office/sessions', { method: 'DELETE', token: staff });
    expect(ended.body).toEqual({ loggedOut: 1 });
    expect((await client.get('/office', { token: staff })).status).toBe(401);
    expect((await client.get('/me', { token })).status).toBe(200);
  });

  it('lists the devices, and logs out one', async () => {
    const { client, login } = await start({ controllers: [DevicesController] });
    const [token, other] = [await login(), await login()];
    const listed = (await client.get('/devices', { token })).body as { tokenKey: string }[];
    expect(listed.map(({ tokenKey }) => tokenKey).sort()).toEqual(
      [token.slice(0, 15), other.slice(0, 15)].sort(),
    );
    const path = `/devices/${other.slice(0, 15)}`;
    expect((await client.send(path, { method: 'DELETE', token })).status).toBe(204);
    expect((await client.send(path, { method: 'DELETE', token })).status).toBe(404);
    expect((await client.get('/me', { token: other })).status).toBe(401);
  });
});

describe('a test without a database, as in docs/guide/testing.md', () => {
  const ask = async (module: TestingModule, path: string) => {
    const app = module.createNestApplication({ logger: false });
    await app.listen(0, '127.0.0.1');
    try {
      return (await new HttpClient(await app.getUrl()).get(path)).body;
    } finally {
      await app.close();
    }
  };

  it('overrides the guard of a controller', async () => {
    expect(await ask(await testingModule(), '/cats')).toEqual({
      owner: 'ada',
      token: '5d41402abc4b2a7',
    });
  });

  it('overrides a global guard that stands there by useExisting', async () => {
    @Controller('cats')
    class GuardlessController {
      @Get()
      cats() {
        return { cats: [] };
      }
    }

    const module = await Test.createTestingModule({
      controllers: [GuardlessController],
      providers: [{ provide: APP_GUARD, useExisting: KnoxAuthGuard }, KnoxAuthGuard],
    })
      .overrideProvider(KnoxAuthGuard)
      .useValue({ canActivate: () => true })
      .compile();
    expect(await ask(module, '/cats')).toEqual({ cats: [] });
  });
});

describe('TokenService.create without `manager`, inside a transaction on SQLite', () => {
  it('waits for that transaction in vain', async () => {
    const test = await startApp({ knox: { authTimeout: '100ms' } });
    try {
      const work = test.dataSource.transaction(async (manager) => {
        await manager.update('User', { id: test.john.id }, { isActive: true });
        await test.app.get(TokenService).create(test.john);
      });
      await expect(work).rejects.toMatchObject({ code: 'unavailable' });
    } finally {
      await test.close();
    }
  });
});
