import { Module } from '@nestjs/common';
import { KnoxModule, SessionToken } from 'nestjs-knox';
import { UsersModule } from './users.module.ts';
import { UsersService } from './users.service.ts';

@Module({
  imports: [
    KnoxModule.forRootAsync({
      tokenEntity: SessionToken,
      imports: [UsersModule],
      inject: [UsersService],
      useFactory: (users: UsersService) => ({
        verifyCredentials: (username, password) => users.verify(username, password),
        tokenLimitPerUser: 3,
        tokenLimitPolicy: 'evict-least-used',
        lastUsedInterval: '5m',
        storedIp: 'none',
      }),
    }),
  ],
})
export class AuthModule {}
