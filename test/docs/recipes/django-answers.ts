import { Module } from '@nestjs/common';
import { DjangoUsersModule, DjangoUsersService } from './django.ts';
// #region django-answers
import { APP_FILTER } from '@nestjs/core';
import { KnoxModule } from 'nestjs-knox';
import { DjangoExceptionFilter, djangoExpiry } from 'nestjs-knox/django';

@Module({
  imports: [
    KnoxModule.forRootAsync({
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
// #endregion
