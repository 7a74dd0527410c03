import { UseGuards } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { GraphQLModule, Query, Resolver } from '@nestjs/graphql';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { DjangoExceptionFilter } from '../../lib/django/index.ts';
import { KnoxAuthGuard } from '../../lib/index.ts';
import { startApp, type TestApp } from '../support/app.ts';
import { CHALLENGES, ERRORS } from '../support/errors.ts';

@Resolver()
class SecretResolver {
  @Query(() => String, { nullable: true })
  @UseGuards(KnoxAuthGuard)
  secret(): string {
    return 'secret';
  }
}

let test: TestApp;
beforeAll(async () => {
  const graphql = GraphQLModule.forRoot<ApolloDriverConfig>({
    driver: ApolloDriver,
    autoSchemaFile: true,
    // Without Apollo's stack traces, a failed test shows the difference.
    includeStacktraceInErrorResponses: false,
  });
  const filter = { provide: APP_FILTER, useClass: DjangoExceptionFilter };
  test = await startApp({ imports: [graphql], providers: [SecretResolver, filter] });
});
afterAll(() => test.close());

it('DjangoExceptionFilter leaves the error of a GraphQL operation as it is', async () => {
  const { body, headers } = await test.client.post('/graphql', { body: { query: '{ secret }' } });
  expect(body.data).toEqual({ secret: null });
  expect(body.errors[0].extensions).toEqual({
    code: 'UNAUTHENTICATED',
    originalError: ERRORS.notAuthenticated,
  });
  expect(headers['www-authenticate']).toBe(CHALLENGES.token);
  expect((await test.client.get('/me')).body).toEqual({
    detail: 'Authentication credentials were not provided.',
  });
});
