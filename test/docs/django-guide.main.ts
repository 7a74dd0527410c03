import { Controller, Get, Module, UseGuards } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { CurrentUser, KnoxAuthGuard } from 'nestjs-knox';
import { DjangoUser } from 'nestjs-knox/django';
import { DataSource } from 'typeorm';
import { HttpClient, type Answer } from '../support/http-client.ts';
import { AppModule } from './recipes/django/app.module.ts';
import { TokensModule } from './recipes/django/tokens.module.ts';

/** What django-guide.test.ts gives the applications of the guide, and what they answer. */
export interface GuideJob {
  readonly database: object;
  readonly token: string;
  /** A PBKDF2 hash of `hunter2` with few iterations. */
  readonly weakHash: string;
}

export interface GuideReport {
  readonly loginLast: { me: Reply; login: number };
  readonly loginFirst: { me: Reply; logins: Record<string, Reply>; newToken: number; hash: string };
}

type Reply = [status: number, body: unknown];

@Controller('me')
@UseGuards(KnoxAuthGuard)
class MeController {
  @Get()
  me(@CurrentUser() user: DjangoUser) {
    return { username: user.username };
  }
}

const { database, token, weakHash } = JSON.parse(process.argv[2] ?? '') as GuideJob;

@Module({
  imports: [TypeOrmModule.forRoot({ ...database, autoLoadEntities: true }), TokensModule],
  controllers: [MeController],
})
class LoginLast {}

@Module({ imports: [AppModule], controllers: [MeController] })
class LoginFirst {}

const replyOf = ({ status, body }: Answer): Reply => [status, body];

async function start(module: new () => object) {
  const app = await NestFactory.create(module, { logger: ['error'] });
  await app.listen(0, '127.0.0.1');
  return { app, client: new HttpClient(await app.getUrl()) };
}

async function runLoginLast(): Promise<GuideReport['loginLast']> {
  const { app, client } = await start(LoginLast);
  const me = replyOf(await client.get('/me', { token }));
  const login = await client.post('/auth/login', { basic: ['john.doe', 'hunter2'] });
  await app.close();
  return { me, login: login.status };
}

async function runLoginFirst(): Promise<GuideReport['loginFirst']> {
  const { app, client } = await start(LoginFirst);
  const users = app.get(DataSource).getRepository(DjangoUser);
  await users.update({ username: 'john.doe' }, { password: weakHash });
  const login = (username: string, password: string) =>
    client.post('/auth/login', { basic: [username, password] });
  const right = await login('john.doe', 'hunter2');
  const logins = {
    right: replyOf(right),
    'right, by JSON': replyOf(
      await client.post('/auth/login', { body: { username: 'john.doe', password: 'hunter2' } }),
    ),
    wrong: replyOf(await login('john.doe', 'wrong')),
    unknown: replyOf(await login('nobody', 'wrong')),
    inactive: replyOf(await login('inactive', 'hunter2')),
    'inactive, wrong': replyOf(await login('inactive', 'wrong')),
  };
  const newToken = await client.get('/me', { token: (right.body as { token: string }).token });
  const { password: hash } = await users.findOneOrFail({
    where: { username: 'john.doe' },
    select: { id: true, password: true },
  });
  const me = replyOf(await client.get('/me', { token }));
  await app.close();
  return { me, logins, newToken: newToken.status, hash };
}

const report: GuideReport = {
  loginLast: await runLoginLast(),
  loginFirst: await runLoginFirst(),
};
console.log(JSON.stringify(report));
