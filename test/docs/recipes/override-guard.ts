import { Controller, Get, UseGuards, type ExecutionContext } from '@nestjs/common';
import { Test } from '@nestjs/testing';
import {
  CurrentToken,
  CurrentUser,
  KnoxAuthGuard,
  type AuthToken,
  type KnoxRequest,
} from 'nestjs-knox';
import type { User } from './user.entity.ts';

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

@Controller('cats')
@UseGuards(KnoxAuthGuard)
class CatsController {
  @Get()
  cats(@CurrentUser() user: User, @CurrentToken() token: AuthToken) {
    return { owner: user.username, token: token.tokenKey };
  }
}
