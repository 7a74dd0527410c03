import { Controller } from '@nestjs/common';
import { KnoxSessionsController, type KnoxRequest, type SessionToken } from 'nestjs-knox';
import type { User } from './user.entity.ts';

@Controller('auth/sessions')
export class SessionsController extends KnoxSessionsController<SessionToken<User>> {
  protected override async describe(authToken: SessionToken<User>, request: KnoxRequest) {
    const session = (await super.describe(authToken, request)) as object;
    return { ...session, isScript: authToken.abilities !== null };
  }
}
