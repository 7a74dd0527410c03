import { Controller, Get, UseGuards } from '@nestjs/common';
import { CurrentToken, CurrentUser, KnoxAuthGuard } from 'nestjs-knox';
import { DjangoAuthToken, DjangoUser } from 'nestjs-knox/django';

@Controller('me')
@UseGuards(KnoxAuthGuard)
export class MeController {
  @Get()
  me(@CurrentUser() user: DjangoUser, @CurrentToken() token: DjangoAuthToken) {
    return { username: user.username, token: token.tokenKey, expiry: token.expiry };
  }
}
