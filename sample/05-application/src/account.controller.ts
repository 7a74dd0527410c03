import { Body, Controller, ForbiddenException, Get, Put } from '@nestjs/common';
import { CurrentToken, CurrentUser, TokenService } from 'nestjs-knox';
import type { DeviceToken } from './device-token.entity.js';
import type { User } from './user.entity.js';
import { UsersService } from './users.service.js';

@Controller('account')
export class AccountController {
  constructor(
    private readonly users: UsersService,
    private readonly tokens: TokenService<DeviceToken>,
  ) {}

  @Get()
  account(@CurrentUser() { username, roles }: User, @CurrentToken() token: DeviceToken) {
    return { username, roles: roles.map(({ name }) => name), device: token.deviceName };
  }

  /** Changes the password, and logs out the other devices. If it is a 503, the client sends it again. */
  @Put('password')
  async changePassword(
    @CurrentUser() user: User,
    @CurrentToken() current: DeviceToken,
    @Body() body?: { old?: unknown; password?: unknown },
  ) {
    const { old, password } = body ?? {};
    const isRight = typeof old === 'string' && (await this.users.verify(user.username, old));
    if (!isRight || typeof password !== 'string') throw new ForbiddenException();
    await this.users.setPassword(user.username, password);
    return { loggedOut: await this.tokens.revokeAll(user, { except: current }) };
  }
}
