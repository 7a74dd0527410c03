import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { KnoxModule } from 'nestjs-knox';
import {
  DjangoAuthToken,
  DjangoExceptionFilter,
  djangoExpiry,
  DjangoLoginGuard,
} from 'nestjs-knox/django';
import { DjangoUsersModule, DjangoUsersService } from './django-users.service.js';

@Module({
  imports: [
    TypeOrmModule.forRoot({
      type: 'postgres',
      url: process.env.DATABASE_URL,
      autoLoadEntities: true,
    }),
    DjangoUsersModule,
    KnoxModule.forRootAsync({
      tokenEntity: DjangoAuthToken,
      loginGuards: [DjangoLoginGuard],
      imports: [DjangoUsersModule],
      inject: [DjangoUsersService],
      useFactory: (users: DjangoUsersService) => ({
        verifyCredentials: (username, password) => users.verify(username, password),
        formatExpiry: djangoExpiry('America/Chicago'),
      }),
    }),
  ],
  providers: [{ provide: APP_FILTER, useClass: DjangoExceptionFilter }],
})
export class AppModule {}
