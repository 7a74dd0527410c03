import { Controller, Get, UseGuards } from '@nestjs/common';
import { AuthToken, CurrentToken, CurrentUser, KnoxAuthGuard } from 'nestjs-knox';
import { User } from './user.entity.js';

@Controller('me')
@UseGuards(KnoxAuthGuard)
export class MeController {
  @Get()
  me(@CurrentUser() user: User, @CurrentToken() token: AuthToken) {
    return { username: user.username, token: token.tokenKey, expiry: token.expiry };
  }
}
