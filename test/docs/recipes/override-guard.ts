import { Controller, Get, UseGuards, type ExecutionContext } from '@nestjs/common';
import { CurrentUser } from 'nestjs-knox';
import type { User } from './users.ts';
// #region override-guard
import { Test } from '@nestjs/testing';
import { KnoxAuthGuard } from 'nestjs-knox';

export function testingModule() {
  return Test.createTestingModule({ controllers: [CatsController] })
    .overrideGuard(KnoxAuthGuard)
    .useValue({
      canActivate(context: ExecutionContext) {
        context.switchToHttp().getRequest<{ user?: object }>().user = { username: 'ada' };
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
  cats(@CurrentUser() user: User) {
    return { owner: user.username };
  }
}
