import { Module, type ExecutionContext } from '@nestjs/common';
import { APP_GUARD } from '@nestjs/core';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { ScheduleModule } from '@nestjs/schedule';
import { ThrottlerGuard, ThrottlerModule } from '@nestjs/throttler';
import { TypeOrmModule } from '@nestjs/typeorm';
import { KnoxController, KnoxModule } from 'nestjs-knox';
import { AccountController } from './account.controller.js';
import { AppAuthGuard } from './app-auth.guard.js';
import { ArticlesController } from './articles.controller.js';
import { AuditLog } from './audit.log.js';
import { AuthController } from './auth.controller.js';
import { ChatGateway } from './chat.gateway.js';
import { DeviceToken } from './device-token.entity.js';
import { DevicesController } from './devices.controller.js';
import { Pruning } from './pruning.js';
import { RolesGuard } from './roles.guard.js';
import { SignUpController } from './sign-up.controller.js';
import { UsersModule } from './users.module.js';
import { UsersService } from './users.service.js';

const isLogin = (context: ExecutionContext) =>
  context.getHandler() === KnoxController.prototype.login;

@Module({
  imports: [
    TypeOrmModule.forRoot({
      type: 'better-sqlite3',
      database: process.env.DATABASE ?? 'app.db',
      enableWAL: true,
      autoLoadEntities: true,
      synchronize: true, // for development only: use migrations in production
    }),
    EventEmitterModule.forRoot(),
    ScheduleModule.forRoot(),
    ThrottlerModule.forRoot([
      { limit: 10, ttl: 60_000, skipIf: (context) => !isLogin(context) }, // ten logins a minute
    ]),
    UsersModule,
    KnoxModule.forRootAsync({
      tokenEntity: DeviceToken,
      controller: false, // AuthController stands in its place
      imports: [UsersModule],
      inject: [UsersService],
      useFactory: (users: UsersService) => ({
        verifyCredentials: (username, password) => users.verify(username, password),
        userRelations: ['roles'],
        tokenTtl: '10h',
      }),
    }),
  ],
  controllers: [
    AuthController,
    SignUpController,
    AccountController,
    DevicesController,
    ArticlesController,
  ],
  providers: [
    AuditLog,
    ChatGateway,
    Pruning,
    // NestJS asks them in this order: the second one finds the user, whom the third one needs.
    { provide: APP_GUARD, useClass: ThrottlerGuard },
    { provide: APP_GUARD, useClass: AppAuthGuard },
    { provide: APP_GUARD, useClass: RolesGuard },
  ],
})
export class AppModule {}
