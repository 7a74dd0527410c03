import {
  ClassSerializerInterceptor,
  Controller,
  Get,
  UseGuards,
  UseInterceptors,
} from '@nestjs/common';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Column, Entity, JoinColumn, ManyToOne, PrimaryGeneratedColumn } from 'typeorm';
import { DjangoAuthToken } from '../../lib/django/index.ts';
import {
  AbstractAuthToken,
  AuthToken,
  CurrentToken,
  CurrentUser,
  KnoxAuthGuard,
  TokenService,
} from '../../lib/index.ts';
import type { TestDatabase } from '../support/databases.ts';
import { createDjangoDatabase, startDjangoApp } from '../support/django.ts';
import { startOwnerApp } from '../support/owner-app.ts';
import type { HttpClient } from '../support/http-client.ts';
import { User } from '../support/users.ts';

@Entity('devices')
class Device {
  @PrimaryGeneratedColumn() id!: number;
  @Column({ type: 'varchar', length: 40 }) serial!: string;
}

class Place {
  @Column({ type: 'varchar', length: 40, nullable: true }) city!: string | null;
}

@Entity('device_token')
class DeviceToken extends AbstractAuthToken<User> {
  @ManyToOne(() => User, { onDelete: 'CASCADE', nullable: false })
  @JoinColumn({ name: 'user_id' })
  user!: User;

  @Column({ type: 'varchar', length: 40, nullable: true }) deviceName!: string | null;
  @Column(() => Place) place!: Place;
  @ManyToOne(() => Device, { nullable: true, eager: true }) device!: Device | null;
}

/** Sends token entities as they are, and through class-transformer. */
@Controller('tokens')
@UseGuards(KnoxAuthGuard)
class TokensController {
  constructor(private readonly tokens: TokenService) {}

  @Get('current')
  current(@CurrentToken() token: AuthToken): object {
    return token;
  }

  @Get('list')
  list(@CurrentUser() user: User): Promise<object[]> {
    return this.tokens.list(user);
  }

  @Get('made')
  async made(@CurrentUser() user: User): Promise<object> {
    return (await this.tokens.create(user)).authToken;
  }

  @Get('serialized/current')
  @UseInterceptors(ClassSerializerInterceptor)
  serialized(@CurrentToken() token: AuthToken): object {
    return token;
  }

  @Get('serialized/list')
  @UseInterceptors(ClassSerializerInterceptor)
  serializedList(@CurrentUser() user: User): Promise<object[]> {
    return this.tokens.list(user);
  }

  @Get('serialized/made')
  @UseInterceptors(ClassSerializerInterceptor)
  async serializedMade(@CurrentUser() user: User): Promise<object> {
    return { made: (await this.tokens.create(user)).authToken };
  }
}

const INSTANT = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
const ID = expect.stringMatching(/^[0-9a-f]{32}$/);
const shown = { id: ID, tokenKey: expect.any(String), created: INSTANT, expiry: INSTANT };
const LOADED = ['current', 'list', 'serialized/current', 'serialized/list'];
const MADE = ['made', 'serialized/made'];

async function answer(client: HttpClient, path: string, token: string): Promise<object> {
  const { status, body } = await client.get(`/tokens/${path}`, { token });
  expect(status).toBe(200);
  const one = Array.isArray(body) ? (body as object[])[0]! : body;
  return 'made' in one ? (one.made as object) : one;
}

describe.each([
  ['AuthToken', AuthToken, { ...shown, ttl: null }],
  [
    'a token entity of the application’s',
    DeviceToken,
    { ...shown, ttl: null, deviceName: null, place: { city: null } },
  ],
] as const)('the JSON of %s', (_, tokenEntity, columns) => {
  let test: Awaited<ReturnType<typeof startOwnerApp>>;
  let john: User;
  let token: string;
  beforeAll(async () => {
    test = await startOwnerApp({
      dataSource: {
        type: 'better-sqlite3',
        database: ':memory:',
        entities: [User, Device, tokenEntity],
      },
      owner: User,
      knox: { tokenEntity },
      controllers: [TokensController],
    });
    john = await test.dataSource.getRepository(User).save({ username: 'john', password: 'secret' });
    ({ token } = await test.tokens.create(john));
  });
  afterAll(() => test.close());

  it.each(LOADED)('has its columns but the digest at %s', async (path) => {
    expect(await answer(test.client, path, token)).toEqual(columns);
  });

  // A column that was given no value has none before the token is loaded again.
  it.each(MADE)('of a new one has no digest and no owner at %s', async (path) => {
    const body = await answer(test.client, path, token);
    expect(body).toMatchObject(shown);
    expect(Object.keys(columns)).toEqual(expect.arrayContaining(Object.keys(body)));
  });

  it('takes nothing from what TypeORM saves and loads', async () => {
    const rows = test.dataSource.getRepository<AbstractAuthToken>(tokenEntity);
    const { authToken } = await test.tokens.create(john, { ttl: '2h' });
    await rows.save(Object.assign(rows.create(authToken), { digest: 'f'.repeat(128) }));
    for (const digest of [authToken.digest, 'f'.repeat(128)]) {
      const found = await rows.findOneOrFail({ where: { digest }, relations: { user: true } });
      expect(found).toBeInstanceOf(tokenEntity);
      expect(found).toMatchObject({
        tokenKey: authToken.tokenKey,
        ttl: 7_200_000,
        digest,
        user: john,
      });
    }
  });
});

describe('the JSON of Django’s token entity', () => {
  let database: TestDatabase;
  let test: Awaited<ReturnType<typeof startDjangoApp>>;
  beforeAll(async () => {
    database = await createDjangoDatabase('sqlite');
    test = await startDjangoApp(database);
  });
  afterAll(async () => {
    await test.close();
    await database.drop();
  });

  it('has the columns that Django has, but the digest', async () => {
    const john = await test.user('john.doe');
    const { authToken } = await test.tokens.create(john);
    expect(JSON.parse(JSON.stringify(authToken))).toEqual(shown);
    expect(JSON.parse(JSON.stringify(await test.tokens.list(john)))[0]).toEqual(shown);
    const { instanceToPlain } = await import('class-transformer');
    expect(JSON.parse(JSON.stringify(instanceToPlain(authToken)))).toEqual(shown);
    expect(await test.dataSource.getRepository(DjangoAuthToken).findOneBy({})).toHaveProperty(
      'digest',
    );
  });
});
