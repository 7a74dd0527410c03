import { Controller, Delete, Get, UseGuards } from '@nestjs/common';
import { CurrentUser, OptionalKnoxAuthGuard, Public } from 'nestjs-knox';
import { Roles } from './roles.guard.js';
import type { User } from './user.entity.js';

@Controller('articles')
export class ArticlesController {
  @Public()
  @Get()
  all() {
    return { articles: [] };
  }

  @Public()
  @UseGuards(OptionalKnoxAuthGuard)
  @Get('front')
  front(@CurrentUser('username') username: string | undefined) {
    return { greeting: `Hello, ${username ?? 'stranger'}` };
  }

  @Get('mine')
  mine(@CurrentUser() user: User) {
    return { author: user.username };
  }

  @Roles(['admin'])
  @Delete()
  deleteAll() {
    return { deleted: true };
  }
}
