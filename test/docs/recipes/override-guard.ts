import { Controller, Get, UseGuards, type ExecutionContext } from '@nestjs/common';
import { CurrentToken, CurrentUser, type AuthToken } from 'nestjs-knox';
import type { User } from './users.ts';
// #region override-guard
import { Test } from '@nestjs/testing';
import { KnoxAuthGuard, type KnoxRequest } from 'nestjs-knox';

export function testingModule() {
  return Test.createTestingModule({ controllers: [CatsController] })
    .overrideGuard(KnoxAuthGuard)
    .useValue({
      canActivate(context: ExecutionContext) {
        const request = context.switchToHttp().getRequest<KnoxRequest>();
        request.user = { username: 'ada' };
        request.authToken = { tokenKey: '5d41402abc4b2a7' };
        return true;
      },
    })
    .compile();
}
// #endregion

@Controller('cats')
@UseGuards(KnoxAuthGuard)
class CatsController {
  @Get()
  cats(@CurrentUser() user: User, @CurrentToken() token: AuthToken) {
    return { owner: user.username, token: token.tokenKey };
  }
}
