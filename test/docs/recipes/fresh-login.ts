import { Controller, Delete, UseGuards } from '@nestjs/common';
import { CurrentUser, Fresh, KnoxAuthGuard } from 'nestjs-knox';
import type { User } from './user.entity.ts';

@Controller('account')
@UseGuards(KnoxAuthGuard)
export class AccountController {
  @Delete()
  @Fresh('10m')
  close(@CurrentUser() user: User) {
    return { closed: user.username };
  }
}
