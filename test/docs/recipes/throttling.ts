import { Module, type ExecutionContext } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { ThrottlerGuard, ThrottlerModule } from '@nestjs/throttler';
import { KnoxController, KnoxModule } from 'nestjs-knox';
import { UsersModule } from './users.module.ts';
import { UsersService } from './users.service.ts';

const isLogin = (context: ExecutionContext) =>
  context.getHandler() === KnoxController.prototype.login;

@Module({
  imports: [
    ThrottlerModule.forRoot([
      { limit: 10, ttl: 60_000, skipIf: (context) => !isLogin(context) }, // ten logins a minute
    ]),
    KnoxModule.forRootAsync({
      imports: [UsersModule],
      inject: [UsersService],
      useFactory: (users: UsersService) => ({
        verifyCredentials: (username, password) => users.verify(username, password),
      }),
    }),
  ],
  providers: [{ provide: APP_GUARD, useClass: ThrottlerGuard }],
})
export class AuthModule {}
