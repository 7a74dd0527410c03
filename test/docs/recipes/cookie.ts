import { Module } from '@nestjs/common';
import { KnoxModule } from 'nestjs-knox';
import { UsersModule } from './users.module.ts';
import { UsersService } from './users.service.ts';

@Module({
  imports: [
    KnoxModule.forRootAsync({
      imports: [UsersModule],
      inject: [UsersService],
      useFactory: (users: UsersService) => ({
        verifyCredentials: (username, password) => users.verify(username, password),
        // Browsers drop the default cookie over plain http.
        cookie: process.env.NODE_ENV === 'production' ? true : { secure: false },
      }),
    }),
  ],
})
export class AuthModule {}
