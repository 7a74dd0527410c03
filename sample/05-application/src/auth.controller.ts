import { Controller } from '@nestjs/common';
import { KnoxController, type LoginContext } from 'nestjs-knox';
import { DeviceToken } from './device-token.entity.js';

/** Login, logout and logoutall; a login names its device. */
@Controller('auth')
export class AuthController extends KnoxController<DeviceToken> {
  protected override createToken({ request, user }: LoginContext<DeviceToken>) {
    const deviceName = String(request.headers['x-device-name'] ?? 'unnamed').slice(0, 100);
    return this.tokens.create(user, { columns: { deviceName } });
  }
}
