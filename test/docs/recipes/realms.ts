import { Controller, Delete, Get, Module, UseGuards } from '@nestjs/common';
import {
  CurrentUser,
  InjectTokenService,
  KnoxAuthGuard,
  KnoxModule,
  Realm,
  type TokenService,
} from 'nestjs-knox';
import { StaffToken, type Staff } from './staff.entity.ts';
import { StaffModule } from './staff.module.ts';
import { StaffService } from './staff.service.ts';
import type { User } from './user.entity.ts';
import { UsersModule } from './users.module.ts';
import { UsersService } from './users.service.ts';

@Controller('office')
@Realm('staff')
@UseGuards(KnoxAuthGuard)
export class OfficeController {
  constructor(@InjectTokenService('staff') private readonly tokens: TokenService<StaffToken>) {}

  @Get()
  me(@CurrentUser() staff: Staff) {
    return { staff: staff.username };
  }

  @Delete('sessions')
  async logOutEverywhere(@CurrentUser() staff: Staff) {
    return { loggedOut: await this.tokens.revokeAll(staff) };
  }

  @Get('news')
  @Realm('api', 'staff') // either: the prefix tells whose token it is
  news(@CurrentUser() reader: User | Staff) {
    return { greeting: `Hello, ${reader.username}` };
  }
}

@Module({
  imports: [
    KnoxModule.forRootAsync({
      imports: [UsersModule],
      inject: [UsersService],
      useFactory: (users: UsersService) => ({
        verifyCredentials: (username, password) => users.verify(username, password),
      }),
    }),
    KnoxModule.forRootAsync({
      realm: 'staff',
      tokenEntity: StaffToken,
      path: 'staff/auth',
      imports: [StaffModule],
      inject: [StaffService],
      useFactory: (staff: StaffService) => ({
        verifyCredentials: (username, password) => staff.verify(username, password),
        tokenPrefix: 'staff_',
        tokenTtl: '1h',
      }),
    }),
  ],
  controllers: [OfficeController],
})
export class AuthModule {}
