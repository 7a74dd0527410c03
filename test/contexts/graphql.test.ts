import {
  Controller,
  Get,
  Injectable,
  UseGuards,
  type CanActivate,
  type ExecutionContext,
} from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import {
  Field,
  GraphQLModule,
  Mutation,
  ObjectType,
  Query,
  ResolveField,
  Resolver,
} from '@nestjs/graphql';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import {
  AuthToken,
  CurrentToken,
  CurrentUser,
  KnoxAuthGuard,
  OptionalKnoxAuthGuard,
  TokenService,
  type KnoxRequest,
} from '../../lib/index.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { CHALLENGES, ERRORS } from '../support/errors.ts';
import { OrGuard } from '../support/or-guard.ts';
import { SqlLog } from '../support/sql-log.ts';
import { User } from '../support/users.ts';

@ObjectType()
class Person {
  @Field(() => String)
  username!: string;

  @Field(() => Boolean)
  isUser!: boolean;
}

@Injectable()
class KeyGuard implements CanActivate {
  canActivate(context: ExecutionContext): boolean {
    return context.getArgByIndex<{ req: KnoxRequest }>(2).req.headers['x-key'] === 'good';
  }
}

/** Lets pass what KnoxAuthGuard refuses. */
@Injectable()
class ForgivingGuard extends KnoxAuthGuard {
  override async canActivate(context: ExecutionContext): Promise<boolean> {
    return super.canActivate(context).catch(() => true);
  }
}

@Resolver(() => Person)
class PersonResolver {
  constructor(private readonly tokens: TokenService) {}

  @Query(() => Person, { nullable: true })
  @UseGuards(KnoxAuthGuard)
  me(@CurrentUser() user: User): object {
    return { username: user.username, isUser: user instanceof User };
  }

  @Query(() => String, { nullable: true })
  @UseGuards(KnoxAuthGuard)
  tokenKey(@CurrentToken() token: AuthToken): string {
    return token.tokenKey;
  }

  @Query(() => String, { nullable: true })
  @UseGuards(OptionalKnoxAuthGuard)
  greeting(@CurrentUser() user?: User): string {
    return `Hello, ${user?.username ?? 'stranger'}!`;
  }

  @Query(() => String, { nullable: true })
  @UseGuards(OrGuard([KnoxAuthGuard, KeyGuard]))
  either(@CurrentUser() user?: User): string {
    return user?.username ?? 'a key';
  }

  @Query(() => String, { nullable: true })
  @UseGuards(ForgivingGuard)
  forgiven(): string {
    return 'forgiven';
  }

  @Query(() => String, { nullable: true })
  open(): string {
    return 'open';
  }

  @Mutation(() => Boolean)
  @UseGuards(KnoxAuthGuard)
  logout(@CurrentToken() token: AuthToken): Promise<boolean> {
    return this.tokens.revoke(token);
  }

  @ResolveField(() => String)
  @UseGuards(KnoxAuthGuard)
  shout(@CurrentUser() user: User): string {
    return user.username.toUpperCase();
  }
}

@Controller('rest')
class RestController {
  @Get()
  @UseGuards(KnoxAuthGuard)
  me(@CurrentUser() user: User): object {
    return { username: user.username };
  }
}

const apollo = () =>
  GraphQLModule.forRoot<ApolloDriverConfig>({
    driver: ApolloDriver,
    autoSchemaFile: true,
    allowBatchedHttpRequests: true,
    // Without Apollo's stack traces, a failed test shows the difference.
    includeStacktraceInErrorResponses: false,
  });

describe('KnoxAuthGuard in GraphQL', () => {
  let test: TestApp;
  let sql: SqlLog;
  beforeAll(async () => {
    test = await startApp({
      imports: [apollo()],
      providers: [PersonResolver, KnoxAuthGuard, KeyGuard],
      controllers: [RestController],
    });
    sql = new SqlLog(test.dataSource);
  });
  afterAll(() => test.close());
  afterEach(() => sql.clear());

  const ask = (query: string, token?: string) =>
    test.client.post('/graphql', { body: { query }, ...(token !== undefined && { token }) });

  it('gives the resolver its user and token', async () => {
    const token = await test.login();
    const { status, body } = await ask('{ me { username isUser } tokenKey }', token);
    expect([status, body]).toEqual([
      200,
      { data: { me: { username: 'john.doe', isUser: true }, tokenKey: token.slice(0, 15) } },
    ]);
  });

  it.each([
    ['no token', undefined, ERRORS.notAuthenticated, CHALLENGES.token],
    ['an unknown one', 'unknown', ERRORS.invalidToken, CHALLENGES.badToken],
  ])(
    'refuses %s with its code, its message and a challenge',
    async (_, token, error, challenge) => {
      const { body, headers } = await ask('{ me { username } }', token);
      expect(body.data).toEqual({ me: null });
      expect(body.errors).toEqual([
        {
          message: error.message,
          locations: [{ line: 1, column: 3 }],
          path: ['me'],
          extensions: { code: 'UNAUTHENTICATED', originalError: error },
        },
      ]);
      expect(headers['www-authenticate']).toBe(challenge);
    },
  );

  it('refuses an inactive user', async () => {
    const { token } = await test.tokens.create(test.jane);
    await test.users.update(test.jane.id, { isActive: false });
    const { body } = await ask('{ tokenKey }', token);
    expect(body.errors[0].extensions.originalError).toEqual(ERRORS.userInactive);
    await test.users.update(test.jane.id, { isActive: true });
  });

  it('leaves unguarded fields open', async () => {
    const { body } = await ask('{ open greeting }');
    expect(body).toEqual({ data: { open: 'open', greeting: 'Hello, stranger!' } });
  });

  it('asks the database once for an operation, however many fields are guarded', async () => {
    const token = await test.login();
    sql.clear();
    const { body } = await ask(
      '{ a: me { username shout } b: me { username shout } tokenKey greeting }',
      token,
    );
    expect(body).toEqual({
      data: {
        a: { username: 'john.doe', shout: 'JOHN.DOE' },
        b: { username: 'john.doe', shout: 'JOHN.DOE' },
        tokenKey: token.slice(0, 15),
        greeting: 'Hello, john.doe!',
      },
    });
    expect(sql.reads).toHaveLength(1);
  });

  it('refuses every guarded field of an operation after one lookup', async () => {
    await test.login();
    sql.clear();
    const { body } = await ask('{ open me { username } tokenKey greeting }', 'f'.repeat(64));
    expect(body.data).toEqual({ open: 'open', me: null, tokenKey: null, greeting: null });
    expect(body.errors.map(({ path }: { path: string[] }) => path[0]).sort()).toEqual([
      'greeting',
      'me',
      'tokenKey',
    ]);
    expect(sql.reads).toHaveLength(1);
  });

  it('looks the token up again for the next operation', async () => {
    const token = await test.login();
    sql.clear();
    await ask('{ tokenKey }', token);
    await ask('{ tokenKey }', token);
    expect(sql.reads).toHaveLength(2);
    expect((await ask('mutation { logout }', token)).body).toEqual({ data: { logout: true } });
    const { body } = await ask('{ tokenKey }', token);
    expect(body.errors[0].extensions.originalError).toEqual(ERRORS.invalidToken);
  });

  it('has no challenge if another guard, or a subclass, lets pass what KnoxAuthGuard refuses', async () => {
    const askWithKey = (query: string) =>
      test.client.post('/graphql', {
        body: { query },
        token: 'unknown',
        headers: { 'x-key': 'good' },
      });
    const { body, headers } = await askWithKey('{ either forgiven }');
    expect(body).toEqual({ data: { either: 'a key', forgiven: 'forgiven' } });
    expect(headers['www-authenticate']).toBeUndefined();

    const token = await test.login();
    expect((await ask('{ either }', token)).body).toEqual({ data: { either: 'john.doe' } });
    const refused = await ask('{ either }', 'unknown');
    expect(refused.body.errors[0].extensions.originalError).toEqual(ERRORS.invalidToken);

    const beside = await askWithKey('{ either me { username } }');
    expect(beside.body.data).toEqual({ either: 'a key', me: null });
    expect(beside.headers['www-authenticate']).toBe(CHALLENGES.badToken);
  });

  it('answers each operation of a batch', async () => {
    const token = await test.login();
    const query = '{ tokenKey }';
    const { body } = await test.client.post('/graphql', { body: [{ query }, { query }], token });
    expect(body).toEqual(Array(2).fill({ data: { tokenKey: token.slice(0, 15) } }));
  });

  it('refuses two Authorization headers', async () => {
    const token = await test.login();
    const { body } = await test.client.post('/graphql', {
      body: { query: '{ tokenKey }' },
      headers: { authorization: [`Token ${token}`, `Token ${token}`] },
    });
    expect(body.errors[0].extensions.originalError).toEqual(ERRORS.ambiguousHeader);
  });

  it('still guards the routes beside it', async () => {
    const token = await test.login();
    expect((await test.client.get('/rest', { token })).body).toEqual({ username: 'john.doe' });
    expect((await test.client.get('/rest')).body).toEqual(ERRORS.notAuthenticated);
  });
});

describe('a KnoxAuthGuard of the whole application, in GraphQL', () => {
  it.each([
    ['useClass', { useClass: KnoxAuthGuard }],
    ['useExisting', { useExisting: KnoxAuthGuard }],
  ])('by %s, refuses with a challenge', async (_, guard) => {
    const test = await startApp({
      imports: [apollo()],
      providers: [PersonResolver, KnoxAuthGuard, KeyGuard, { provide: APP_GUARD, ...guard }],
    });
    const { body, headers } = await test.client.post('/graphql', { body: { query: '{ open }' } });
    expect(body.errors[0].extensions.originalError).toEqual(ERRORS.notAuthenticated);
    expect(headers['www-authenticate']).toBe(CHALLENGES.token);
    await test.close();
  });
});
