import { UseGuards } from '@nestjs/common';
import { Field, Mutation, ObjectType, Query, Resolver } from '@nestjs/graphql';
import { AuthToken, CurrentToken, KnoxAuthGuard, TokenService } from '../lib/index.ts';
import type { User } from '../test/support/users.ts';

@ObjectType()
class TokenData {
  @Field(() => String)
  tokenKey!: string;

  @Field(() => String, { nullable: true })
  expiry!: string | null;
}

/** What GET /me, logout and logoutall do, as GraphQL operations. */
@Resolver()
@UseGuards(KnoxAuthGuard)
export class TokenResolver {
  constructor(private readonly tokens: TokenService) {}

  @Query(() => TokenData)
  me(@CurrentToken() { tokenKey, expiry }: AuthToken): TokenData {
    return { tokenKey, expiry: expiry?.toISOString() ?? null };
  }

  /** Whether this one has revoked it; it is gone in any case. */
  @Mutation(() => Boolean)
  logout(@CurrentToken() token: AuthToken): Promise<boolean> {
    return this.tokens.revoke(token);
  }

  @Mutation(() => Number)
  logoutAll(@CurrentToken() { user }: AuthToken<User>): Promise<number> {
    return this.tokens.revokeAll(user);
  }
}
