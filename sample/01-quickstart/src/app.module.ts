import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import { KnoxModule } from 'nestjs-knox';
import { MeController } from './me.controller.js';
import { UsersModule } from './users.module.js';
import { UsersService } from './users.service.js';

@Module({
  imports: [
    TypeOrmModule.forRoot({
      type: 'better-sqlite3',
      database: process.env.DATABASE ?? 'app.db',
      enableWAL: true,
      autoLoadEntities: true,
      synchronize: true,
    }),
    UsersModule,
    KnoxModule.forRootAsync({
      imports: [UsersModule],
      inject: [UsersService],
      useFactory: (users: UsersService) => ({
        verifyCredentials: (username, password) => users.verify(username, password),
        tokenTtl: '10h',
      }),
    }),
  ],
  controllers: [MeController],
})
export class AppModule {}
