import { Module } from '@nestjs/common';
import { UsersModule, UsersService } from './users.ts';
// #region cookie
import { KnoxModule } from 'nestjs-knox';
// #endregion

@Module({
  imports: [
    // #region cookie
    KnoxModule.forRootAsync({
      imports: [UsersModule],
      inject: [UsersService],
      useFactory: (users: UsersService) => ({
        verifyCredentials: (username, password) => users.verify(username, password),
        // Browsers drop the default cookie over plain http.
        cookie: process.env.NODE_ENV === 'production' ? true : { secure: false },
      }),
    }),
    // #endregion
  ],
})
export class AppModule {}
