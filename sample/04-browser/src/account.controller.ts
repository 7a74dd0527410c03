import { BadRequestException, Body, Controller, Get, Put, Sse, UseGuards } from '@nestjs/common';
import {
  CurrentToken,
  CurrentUser,
  Fresh,
  KnoxAuthGuard,
  TokenService,
  type SessionToken,
} from 'nestjs-knox';
import { LiveTokens } from 'nestjs-knox/live';
import { map, type Observable } from 'rxjs';
import { Activity, type Entry } from './activity.js';
import type { User } from './user.entity.js';
import { UsersService } from './users.service.js';

@Controller('account')
@UseGuards(KnoxAuthGuard)
export class AccountController {
  constructor(
    private readonly users: UsersService,
    private readonly tokens: TokenService<SessionToken<User>>,
    private readonly activity: Activity,
    private readonly live: LiveTokens,
  ) {}

  @Get()
  account(@CurrentUser() { username }: User) {
    return { username };
  }

  /** What happens to the account, until the session ends: then the last event is an `error`, and the stream ends. */
  @Sse('activity')
  follow(
    @CurrentUser() user: User,
    @CurrentToken() token: SessionToken<User>,
  ): Observable<{ data: Entry }> {
    return this.activity.of(user).pipe(
      map((data) => ({ data })),
      this.live.until(token),
    );
  }

  /** Somebody who finds the computer unlocked must not take the account over: the password is asked for again. */
  @Put('password')
  @Fresh('5m')
  async changePassword(
    @CurrentUser() user: User,
    @CurrentToken() current: SessionToken<User>,
    @Body() body?: { password?: unknown },
  ) {
    const { password } = body ?? {};
    if (typeof password !== 'string' || password.length < 8) {
      throw new BadRequestException('The new password must have at least 8 characters.');
    }
    await this.users.setPassword(user.username, password);
    const signedOut = await this.tokens.revokeAll(user, { except: current });
    this.activity.add(user, 'The password was changed.');
    return { signedOut };
  }
}
