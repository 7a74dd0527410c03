import { Module } from '@nestjs/common';
import { EventEmitterModule } from '@nestjs/event-emitter';
import { TypeOrmModule } from '@nestjs/typeorm';
import { KnoxModule, SessionToken } from 'nestjs-knox';
import { KnoxLiveModule } from 'nestjs-knox/live';
import { AccountController } from './account.controller.js';
import { Activity } from './activity.js';
import { UsersModule } from './users.module.js';
import { UsersService } from './users.service.js';

@Module({
  imports: [
    TypeOrmModule.forRoot({
      type: 'better-sqlite3',
      database: process.env.DATABASE ?? 'browser.db',
      enableWAL: true,
      autoLoadEntities: true,
      synchronize: true, // for development only: use migrations in production
    }),
    EventEmitterModule.forRoot(),
    UsersModule,
    KnoxModule.forRootAsync({
      tokenEntity: SessionToken, // it has the columns that switch sessions and fresh logins on
      sessions: true,
      imports: [UsersModule],
      inject: [UsersService],
      useFactory: (users: UsersService) => ({
        verifyCredentials: (username, password) => users.verify(username, password),
        // Production sets `true`: the cookie is `__Host-Http-session` then, and Secure, so that browsers keep it over https
        // alone. Without Secure it is `session`, for plain http at a developer's desk.
        cookie: process.env.NODE_ENV === 'production' ? true : { secure: false },
        tokenTtl: '30d',
        tokenLimitPerUser: 10,
        tokenLimitPolicy: 'evict-least-used',
      }),
    }),
    KnoxLiveModule.forRoot(),
  ],
  controllers: [AccountController],
  providers: [Activity],
})
export class AppModule {}
