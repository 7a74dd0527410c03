import { Controller, Get, Module, UseGuards } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { CurrentUser, KnoxAuthGuard, OptionalKnoxAuthGuard, Public } from 'nestjs-knox';
import type { User } from './user.entity.ts';

@Controller('articles')
export class ArticlesController {
  @Get('mine')
  mine(@CurrentUser() user: User) {
    return { author: user.username };
  }

  @Public()
  @Get()
  all() {
    return { articles: [] };
  }

  @Public()
  @UseGuards(OptionalKnoxAuthGuard)
  @Get('front')
  front(@CurrentUser() user: User | undefined) {
    return { greeting: `Hello, ${user?.username ?? 'stranger'}` };
  }
}

@Module({
  controllers: [ArticlesController],
  providers: [{ provide: APP_GUARD, useClass: KnoxAuthGuard }], // before guards of your own
})
export class ArticlesModule {}
