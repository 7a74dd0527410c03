import { Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { TypeOrmModule } from '@nestjs/typeorm';
import { TokenService } from 'nestjs-knox';
import { DataSource } from 'typeorm';
import { HttpClient } from '../support/http-client.ts';
import { AuthModule } from './recipes/throttling.ts';
import { User } from './recipes/user.entity.ts';
import { UsersService } from './recipes/users.service.ts';

/** throttling.test.ts runs this file outside Jest, which cannot load @nestjs/throttler on Node 20. */
export interface ThrottlingReport {
  readonly bad: number[];
  readonly asked: number;
  readonly good: { status: number; retryAfter: string | undefined }[];
  readonly askedForGood: number;
  readonly others: number[];
}

@Module({
  imports: [
    TypeOrmModule.forRoot({
      type: 'better-sqlite3',
      database: ':memory:',
      autoLoadEntities: true,
      synchronize: true,
    }),
    AuthModule,
  ],
})
class RootModule {}

const [adapter, logins] = process.argv.slice(2);
const app = await NestFactory.create(
  RootModule,
  adapter === 'fastify' ? new FastifyAdapter() : new ExpressAdapter(),
  { logger: ['error'] },
);
await app.listen(0, '127.0.0.1');
const client = new HttpClient(await app.getUrl());
const john = await app
  .get(DataSource)
  .getRepository(User)
  .save({ username: 'john.doe', password: 'hunter2' });
const { token } = await app.get(TokenService).create(john);

let asked = 0;
const users = app.get(UsersService, { strict: false });
const verify = users.verify.bind(users);
users.verify = (...credentials) => {
  asked++;
  return verify(...credentials);
};

const bad: number[] = [];
for (let i = 0; i < Number(logins); i++) {
  const body = { username: 'john.doe', password: `guess-${String(i)}` };
  bad.push((await client.post('/auth/login', { body })).status);
}
const askedForBad = asked;
const right = await Promise.all([
  client.post('/auth/login', { body: { username: 'john.doe', password: 'hunter2' } }),
  client.post('/auth/login', { basic: ['john.doe', 'hunter2'] }),
]);
const others: number[] = [];
for (let i = 0; i < 20; i++) {
  others.push((await client.post('/auth/logout', { token: 'unknown' })).status);
}
others.push((await client.post('/auth/logout', { token })).status);
await app.close();

const report: ThrottlingReport = {
  bad,
  asked: askedForBad,
  good: right.map(({ status, headers }) => ({ status, retryAfter: headers['retry-after'] })),
  askedForGood: asked - askedForBad,
  others,
};
console.log(JSON.stringify(report));
