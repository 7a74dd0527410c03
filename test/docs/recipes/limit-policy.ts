import { Injectable, Module } from '@nestjs/common';
import { UsersModule, UsersService, type User } from './users.ts';
// #region limit-policy
import { KnoxModule, SessionToken } from 'nestjs-knox';
// #endregion

@Module({
  imports: [
    // #region limit-policy
    KnoxModule.forRootAsync({
      tokenEntity: SessionToken,
      imports: [UsersModule],
      inject: [UsersService],
      useFactory: (users: UsersService) => ({
        verifyCredentials: (username, password) => users.verify(username, password),
        tokenLimitPerUser: 3,
        tokenLimitPolicy: 'evict-least-used',
        lastUsedInterval: '5m',
        storedIp: 'none',
      }),
    }),
    // #endregion
  ],
})
export class AppModule {}

// #region last-used
import { TokenService } from 'nestjs-knox';

const IDLE_MS = 30 * 24 * 3_600_000;

@Injectable()
export class IdleSessions {
  constructor(private readonly tokens: TokenService<SessionToken<User>>) {}

  /** Ends the sessions that the user has not used for 30 days. */
  async end(user: User): Promise<number> {
    const since = ({ lastUsed, created }: SessionToken) => (lastUsed ?? created).getTime();
    const sessions = await this.tokens.list(user);
    const idle = sessions.filter((session) => since(session) < Date.now() - IDLE_MS);
    await Promise.all(idle.map((session) => this.tokens.revoke(session)));
    return idle.length;
  }
}
// #endregion
