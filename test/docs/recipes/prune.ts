import { Injectable, Module } from '@nestjs/common';
import { Cron, CronExpression, ScheduleModule } from '@nestjs/schedule';
import { TokenService } from 'nestjs-knox';

@Injectable()
export class Pruning {
  constructor(private readonly tokens: TokenService) {}

  @Cron(CronExpression.EVERY_DAY_AT_3AM, { name: 'prune-tokens' })
  prune() {
    return this.tokens.deleteExpired();
  }
}

@Module({
  imports: [ScheduleModule.forRoot()],
  providers: [Pruning],
})
export class PruningModule {}
