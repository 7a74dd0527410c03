import { BadRequestException, Module } from '@nestjs/common';
import { KnoxModule } from 'nestjs-knox';
import { UsersModule } from '../users.module.ts';
import { UsersService as DjangoUsersService } from '../users.service.ts';

@Module({
  imports: [
    KnoxModule.forRootAsync({
      imports: [UsersModule],
      inject: [DjangoUsersService],
      // #region
      useFactory: (users: DjangoUsersService) => ({
        async verifyCredentials(username, password) {
          const user = await users.verify(username, password);
          // An inactive user too: otherwise the answer to the right password would differ from that to a wrong one.
          if (user?.isActive) return user;
          throw new BadRequestException({
            non_field_errors: ['Unable to log in with provided credentials.'],
          });
        },
      }),
      // #endregion
    }),
  ],
})
export class FormLoginModule {}
