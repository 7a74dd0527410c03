import { Controller, Delete, Get, HttpCode, NotFoundException, Param } from '@nestjs/common';
import { CurrentToken, CurrentUser, TokenService } from 'nestjs-knox';
import type { DeviceToken } from './device-token.entity.js';
import type { User } from './user.entity.js';

@Controller('devices')
export class DevicesController {
  constructor(private readonly tokens: TokenService<DeviceToken>) {}

  @Get()
  async list(@CurrentUser() user: User, @CurrentToken() current: DeviceToken) {
    const tokens = await this.tokens.list(user);
    return tokens.map(({ tokenKey, deviceName, created, digest }) => ({
      tokenKey,
      deviceName,
      created,
      isCurrent: digest === current.digest,
    }));
  }

  @Delete(':tokenKey')
  @HttpCode(204)
  async logOut(@CurrentUser() user: User, @Param('tokenKey') tokenKey: string) {
    const token = (await this.tokens.list(user)).find((one) => one.tokenKey === tokenKey);
    if (!token) throw new NotFoundException();
    await this.tokens.revoke(token);
  }
}
