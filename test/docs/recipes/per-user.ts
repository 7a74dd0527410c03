import { Controller } from '@nestjs/common';
import type { User } from './users.ts';
// #region per-user
import { KnoxController, type AuthToken, type LoginContext } from 'nestjs-knox';

@Controller('auth')
export class AuthController extends KnoxController<AuthToken<User>> {
  protected override getTokenTtl({ user }: LoginContext<AuthToken<User>>) {
    return user.username === 'kiosk' ? '30d' : undefined; // undefined: what the option says
  }

  protected override getTokenLimitPerUser({ user }: LoginContext<AuthToken<User>>) {
    return user.username === 'kiosk' ? 1 : undefined;
  }
}
// #endregion
