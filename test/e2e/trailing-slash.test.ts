import { Module, type OnModuleInit, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { TypeOrmModule } from '@nestjs/typeorm';
import { describe, expect, it } from '@jest/globals';
import { AuthToken, KnoxModule } from '../../lib/index.ts';
import { startApp } from '../support/app.ts';
import { JOHN } from '../support/credentials.ts';
import { DataSource } from 'typeorm';
import { HttpClient } from '../support/http-client.ts';
import { User } from '../support/users.ts';

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

/** An application of its own: startApp's adapter takes no options. */
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
