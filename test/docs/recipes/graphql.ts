import { Module, UseGuards } from '@nestjs/common';
import type { User } from './users.ts';
// #region graphql
import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { GraphQLModule, Query, Resolver } from '@nestjs/graphql';
import { CurrentUser, KnoxAuthGuard } from 'nestjs-knox';

@Resolver()
@UseGuards(KnoxAuthGuard)
export class MeResolver {
  @Query(() => String)
  me(@CurrentUser() user: User) {
    return user.username;
  }
}

@Module({
  imports: [
    GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, autoSchemaFile: true }),
  ],
  providers: [MeResolver],
})
export class ApiModule {}
// #endregion
