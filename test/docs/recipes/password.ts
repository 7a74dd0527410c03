import { Body, Controller, ForbiddenException, Put, UseGuards } from '@nestjs/common';
import {
  CurrentToken,
  CurrentUser,
  KnoxAuthGuard,
  TokenService,
  type AuthToken,
} from 'nestjs-knox';
import type { User } from './user.entity.ts';
import { UsersService } from './users.service.ts';

@Controller('password')
@UseGuards(KnoxAuthGuard)
export class PasswordController {
  constructor(
    private readonly users: UsersService,
    private readonly tokens: TokenService,
  ) {}

  @Put()
  async change(
    @CurrentUser() user: User,
    @CurrentToken() current: AuthToken,
    @Body() { old, password }: { old: string; password: string },
  ) {
    if (!(await this.users.verify(user.username, old))) throw new ForbiddenException();
    await this.users.setPassword(user.username, password);
    return { loggedOut: await this.tokens.revokeAll(user, { except: current }) };
  }
}
