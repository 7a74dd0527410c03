import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { Module, UseGuards } from '@nestjs/common';
import { GraphQLModule, Query, Resolver } from '@nestjs/graphql';
import { CurrentUser, KnoxAuthGuard } from 'nestjs-knox';
import type { User } from './user.entity.ts';

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
