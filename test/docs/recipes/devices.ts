import { Controller, Delete, Get, HttpCode, NotFoundException, Param } from '@nestjs/common';
import { UseGuards } from '@nestjs/common';
import type { User } from './users.ts';
// #region devices
import { CurrentUser, KnoxAuthGuard, TokenService } from 'nestjs-knox';

@Controller('devices')
@UseGuards(KnoxAuthGuard)
export class DevicesController {
  constructor(private readonly tokens: TokenService) {}

  @Get()
  async list(@CurrentUser() user: User) {
    const tokens = await this.tokens.list(user);
    return tokens.map(({ tokenKey, created, expiry }) => ({ tokenKey, created, expiry }));
  }

  @Delete(':tokenKey')
  @HttpCode(204)
  async logOut(@CurrentUser() user: User, @Param('tokenKey') tokenKey: string) {
    const token = (await this.tokens.list(user)).find((one) => one.tokenKey === tokenKey);
    if (!token) throw new NotFoundException();
    await this.tokens.revoke(token);
  }
}
// #endregion
