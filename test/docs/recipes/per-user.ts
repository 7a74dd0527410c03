import { Controller } from '@nestjs/common';
import { KnoxController, type AuthToken, type LoginContext } from 'nestjs-knox';
import type { User } from './user.entity.ts';

@Controller('auth')
export class AuthController extends KnoxController<AuthToken<User>> {
  protected override getTokenTtl({ user }: LoginContext<AuthToken<User>>) {
    return user.username === 'kiosk' ? '30d' : undefined; // undefined: what the option says
  }

  protected override getTokenLimitPerUser({ user }: LoginContext<AuthToken<User>>) {
    return user.username === 'kiosk' ? 1 : undefined;
  }
}
