import { Controller, Module } from '@nestjs/common';
import { KnoxController, KnoxModule, type LoginContext } from 'nestjs-knox';
import { DeviceToken } from './member.entity.ts';
import { MembersModule } from './members.module.ts';
import { MembersService } from './members.service.ts';

@Controller('auth')
export class DeviceAuthController extends KnoxController<DeviceToken> {
  protected override createToken({ request, user }: LoginContext<DeviceToken>) {
    const deviceName = String(request.headers['x-device-name'] ?? 'unnamed').slice(0, 100);
    return this.tokens.create(user, { columns: { deviceName } });
  }
}

@Module({
  imports: [
    KnoxModule.forRootAsync({
      tokenEntity: DeviceToken,
      controller: false, // DeviceAuthController is listed below
      imports: [MembersModule],
      inject: [MembersService],
      useFactory: (members: MembersService) => ({
        verifyCredentials: (email, password) => members.verify(email, password),
        usernameField: 'email',
      }),
    }),
  ],
  controllers: [DeviceAuthController],
})
export class AuthModule {}
