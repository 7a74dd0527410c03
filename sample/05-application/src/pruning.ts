import { Injectable } from '@nestjs/common';
import { Cron, CronExpression } from '@nestjs/schedule';
import { TokenService } from 'nestjs-knox';

@Injectable()
export class Pruning {
  constructor(private readonly tokens: TokenService) {}

  @Cron(CronExpression.EVERY_DAY_AT_3AM)
  prune() {
    return this.tokens.deleteExpired();
  }
}
