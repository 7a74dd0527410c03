import { Module } from '@nestjs/common';
import { APP_FILTER } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { KnoxModule } from 'nestjs-knox';
import { DjangoAuthToken, DjangoExceptionFilter, djangoExpiry } from 'nestjs-knox/django';
import { databaseOptions } from './database.js';
import { MeController } from './me.controller.js';
import { UsersModule, UsersService } from './users.service.js';

@Module({
  imports: [
    TypeOrmModule.forRootAsync({
      useFactory: async () => ({ ...(await databaseOptions()), autoLoadEntities: true }),
    }),
    UsersModule,
    KnoxModule.forRootAsync({
      tokenEntity: DjangoAuthToken,
      imports: [UsersModule],
      inject: [UsersService],
      useFactory: (users: UsersService) => ({
        verifyCredentials: (username, password) => users.verify(username, password),
        formatExpiry: djangoExpiry('America/Chicago'),
      }),
    }),
  ],
  controllers: [MeController],
  providers: [{ provide: APP_FILTER, useClass: DjangoExceptionFilter }],
})
export class AppModule {}
