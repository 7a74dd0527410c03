import {
  Controller,
  Delete,
  Get,
  HttpCode,
  NotFoundException,
  Param,
  UseGuards,
} from '@nestjs/common';
import { CurrentUser, KnoxAuthGuard, TokenService } from 'nestjs-knox';
import type { User } from './user.entity.ts';

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
