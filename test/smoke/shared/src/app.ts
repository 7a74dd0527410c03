import {
  Controller,
  Get,
  Injectable,
  Module,
  UseGuards,
  type INestApplication,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { InjectRepository, TypeOrmModule } from '@nestjs/typeorm';
import {
  CurrentToken,
  CurrentUser,
  KnoxAuthGuard,
  KnoxModule,
  type AbstractAuthToken,
  type AuthToken,
} from 'nestjs-knox';
import {
  DjangoAuthToken,
  djangoAuthToken,
  makeDjangoPassword,
  verifyDjangoPassword,
} from 'nestjs-knox/django';
import { KnoxLiveModule, LiveTokens } from 'nestjs-knox/live';
import { describeKnox } from 'nestjs-knox/swagger';
import { actingAs } from 'nestjs-knox/testing';
import { Column, DataSource, Entity, PrimaryGeneratedColumn, Repository } from 'typeorm';

@Entity()
export class User {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ type: 'varchar', unique: true })
  username!: string;

  @Column({ type: 'varchar', select: false })
  password!: string;
}

/** The second entry's entities load, and take an owner of the app's own. */
export const DJANGO_ENTITIES: (new () => AbstractAuthToken<object>)[] = [
  DjangoAuthToken,
  djangoAuthToken(() => User),
];

@Injectable()
export class UsersService implements OnApplicationBootstrap {
  constructor(@InjectRepository(User) private readonly users: Repository<User>) {}

  async onApplicationBootstrap(): Promise<void> {
    const password = await makeDjangoPassword('correct horse', { iterations: 1_000 });
    await this.users.upsert({ username: 'ada', password }, ['username']);
  }

  async verify(username: string, password: string): Promise<User | null> {
    const user = await this.users.findOne({
      where: { username },
      select: { id: true, username: true, password: true },
    });
    return (await verifyDjangoPassword(password, user?.password)) ? user : null;
  }
}

@Controller('me')
export class MeController {
  @UseGuards(KnoxAuthGuard)
  @Get()
  me(@CurrentUser() user: User, @CurrentToken() token?: AuthToken): object {
    return { username: user.username, isUser: user instanceof User, tokenKey: token?.tokenKey };
  }
}

@Module({
  imports: [TypeOrmModule.forFeature([User])],
  providers: [UsersService],
  exports: [UsersService],
})
export class UsersModule {}

@Module({
  imports: [
    TypeOrmModule.forRoot({
      type: 'better-sqlite3',
      database: process.env.DATABASE ?? ':memory:',
      autoLoadEntities: true,
      synchronize: true,
    }),
    KnoxModule.forRootAsync({
      imports: [UsersModule],
      inject: [UsersService],
      useFactory: (users: UsersService) => ({
        verifyCredentials: (username, password) => users.verify(username, password),
        tokenTtl: '10h',
      }),
    }),
    KnoxLiveModule.forRoot(),
  ],
  controllers: [MeController],
})
export class AppModule {}

/** The other entries work with the app. */
async function checkEntries(app: INestApplication): Promise<void> {
  const ada = await app.get(DataSource).getRepository(User).findOneByOrFail({ username: 'ada' });
  const { headers, authToken } = await actingAs(app, ada);
  const me = await fetch(`${await app.getUrl()}/me`, { headers });
  if (me.status !== 200) throw new Error(`actingAs: ${String(me.status)}`);
  const { signal } = app.get(LiveTokens).watch(authToken);
  const logout = `${await app.getUrl()}/auth/logout`;
  await fetch(logout, { method: 'POST', headers });
  if (!signal.aborted) throw new Error('LiveTokens: not aborted');
  const paths = { '/me': { get: { responses: {} } } };
  const described = describeKnox(app, { openapi: '3.0.0', paths });
  if (!('security' in described.paths['/me'].get)) throw new Error('describeKnox: no security');
}

/** Starts AppModule over the adapter named, and prints where it listens. */
export async function start(adapter: string | undefined): Promise<void> {
  const options = { logger: ['error', 'warn'] as ('error' | 'warn')[] };
  const app: INestApplication =
    adapter === 'fastify'
      ? await NestFactory.create(AppModule, new FastifyAdapter(), options)
      : await NestFactory.create(AppModule, options);
  app.enableShutdownHooks();
  await app.listen(0, '127.0.0.1');
  await checkEntries(app);
  console.log(`listening on ${await app.getUrl()}`);
}
