import { setTimeout as wait } from 'node:timers/promises';
import { UseGuards, type CanActivate } from '@nestjs/common';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { GraphQLModule, Query, Resolver } from '@nestjs/graphql';
import { AuthGuard } from '@nestjs/passport';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { graphqlHttpRequest } from '../../lib/http/execution-context.ts';
import {
  CurrentToken,
  CurrentUser,
  KnoxAuthGuard,
  OptionalKnoxAuthGuard,
  Realm,
} from '../../lib/index.ts';
import { DATABASES } from '../support/databases.ts';
import { ERRORS } from '../support/errors.ts';
import { startRealmApp, type RealmApp } from '../support/realm-app.ts';
import { SqlLog } from '../support/sql-log.ts';

type Named = { username: string } | undefined;
const who = (user: Named, token?: object) =>
  `${user?.username ?? 'nobody'} ${token?.constructor.name ?? 'without a token'}`;

/** Lets the guards of all fields be asked before the first handler reads what they have left. */
class LateGuard implements CanActivate {
  async canActivate(): Promise<boolean> {
    await wait(100);
    return true;
  }
}

/** Passport asks the adapter's request for its user. */
class StaffPassportGuard extends AuthGuard('knox-staff') {
  override getRequest = graphqlHttpRequest as never;
}
class ApiPassportGuard extends AuthGuard('knox') {
  override getRequest = graphqlHttpRequest as never;
}

@Resolver()
class ApiResolver {
  @Query(() => String, { nullable: true })
  @UseGuards(KnoxAuthGuard, LateGuard)
  api(@CurrentUser() user: Named, @CurrentToken() token: object): string {
    return who(user, token);
  }

  @Query(() => String, { nullable: true })
  @Realm('api', 'staff')
  @UseGuards(KnoxAuthGuard, LateGuard)
  either(@CurrentUser() user: Named, @CurrentToken() token: object): string {
    return who(user, token);
  }

  @Query(() => String, { nullable: true })
  @UseGuards(ApiPassportGuard, LateGuard)
  apiByPassport(@CurrentUser() user: Named, @CurrentToken() token: object): string {
    return who(user, token);
  }
}

@Resolver()
@Realm('staff')
class StaffResolver {
  @Query(() => String, { nullable: true })
  @UseGuards(KnoxAuthGuard, LateGuard)
  staff(@CurrentUser() user: Named, @CurrentToken() token: object): string {
    return who(user, token);
  }

  @Query(() => String, { nullable: true })
  @UseGuards(OptionalKnoxAuthGuard, LateGuard)
  optional(@CurrentUser() user: Named, @CurrentToken() token: object): string {
    return who(user, token);
  }

  @Query(() => String, { nullable: true })
  @UseGuards(StaffPassportGuard, LateGuard)
  staffByPassport(@CurrentUser() user: Named, @CurrentToken() token: object): string {
    return who(user, token);
  }
}

const JOHN = 'john.doe AuthToken';
const BOB = 'bob StaffToken';

describe.each(DATABASES)('two realms in GraphQL on %s', (database) => {
  let test: RealmApp;
  let sql: SqlLog;
  let api: string;
  let staff: string;
  beforeAll(async () => {
    test = await startRealmApp({
      database,
      imports: [
        GraphQLModule.forRoot<ApolloDriverConfig>({
          driver: ApolloDriver,
          autoSchemaFile: true,
          includeStacktraceInErrorResponses: false,
        }),
      ],
      providers: [ApiResolver, StaffResolver],
      staff: {
        extractToken: ({ headers }) => (headers['x-staff'] as string | undefined) ?? null,
      },
    });
    sql = new SqlLog(test.dataSource);
    ({ token: api } = await test.tokens.create(test.john));
    ({ token: staff } = await test.staffTokens.create(test.bob));
  });
  afterEach(() => sql.clear());
  afterAll(() => test.close());

  const ask = async (query: string, headers: Record<string, string>) =>
    (await test.client.post('/graphql', { body: { query }, headers })).body;
  const ofApi = () => ({ authorization: `Token ${api}` });
  const ofStaff = () => ({ 'x-staff': staff });

  it('give each field of one operation the user of its own realm', async () => {
    sql.clear();
    const fields = '{ a: api optional staff b: api either }';
    const { data } = await ask(fields, { ...ofApi(), ...ofStaff() });
    expect(data).toEqual({ a: JOHN, optional: BOB, staff: BOB, b: JOHN, either: BOB });
    expect(sql.reads).toHaveLength(2);
  });

  it('refuse a field of the other realm alone', async () => {
    const { data, errors } = await ask('{ api optional staff either }', ofApi());
    const nobody = 'nobody without a token';
    expect(data).toEqual({ api: JOHN, optional: nobody, staff: null, either: JOHN });
    expect(errors).toHaveLength(1);
    expect(errors[0]).toMatchObject({
      path: ['staff'],
      extensions: { originalError: ERRORS.notAuthenticated },
    });
    const crossed = await ask('{ api staff }', { 'x-staff': api, authorization: `Token ${staff}` });
    expect(crossed.data).toEqual({ api: null, staff: null });
    expect(crossed.errors[0].extensions.originalError).toEqual(ERRORS.invalidToken);
  });

  it('keep apart what Passport finds for one operation', async () => {
    const fields = '{ apiByPassport staffByPassport }';
    const { data } = await ask(fields, { ...ofApi(), ...ofStaff() });
    expect(data).toEqual({ apiByPassport: JOHN, staffByPassport: BOB });
  });
});
