import { forwardRef, Inject, Injectable, Module } from '@nestjs/common';
import { KnoxModule, TokenService } from 'nestjs-knox';
import type { User } from './user.entity.ts';
import { UsersModule } from './users.module.ts';
import { UsersService } from './users.service.ts';

@Injectable()
export class AccountsService {
  constructor(
    private readonly users: UsersService,
    // KnoxModule needs AccountsService to make TokenService: this side of the circle waits.
    @Inject(forwardRef(() => TokenService)) private readonly tokens: TokenService,
  ) {}

  verify(username: string, password: string): Promise<User | null> {
    return this.users.verify(username, password);
  }

  /** Changes a password, and logs out every device. */
  async changePassword(user: User, password: string): Promise<void> {
    await this.users.setPassword(user.username, password);
    await this.tokens.revokeAll(user);
  }
}

@Module({ imports: [UsersModule], providers: [AccountsService], exports: [AccountsService] })
export class AccountsModule {}

@Module({
  imports: [
    KnoxModule.forRootAsync({
      imports: [AccountsModule],
      inject: [AccountsService], // without forwardRef
      useFactory: (accounts: AccountsService) => ({
        verifyCredentials: (username, password) => accounts.verify(username, password),
      }),
    }),
  ],
})
export class AuthModule {}
