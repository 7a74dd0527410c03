import { Controller, Injectable, NotFoundException } from '@nestjs/common';
import type { User } from './users.ts';
// #region described-sessions
import { KnoxSessionsController, type KnoxRequest, type SessionToken } from 'nestjs-knox';

@Controller('auth/sessions')
export class SessionsController extends KnoxSessionsController<SessionToken<User>> {
  protected override async describe(authToken: SessionToken<User>, request: KnoxRequest) {
    const session = (await super.describe(authToken, request)) as object;
    return { ...session, isScript: authToken.abilities !== null };
  }
}
// #endregion

// #region sessions-of-a-user
import { TokenService } from 'nestjs-knox';

@Injectable()
export class Support {
  constructor(private readonly tokens: TokenService<SessionToken<User>>) {}

  /** Marks a session, so that its user asks about it. */
  async flag(user: User, id: string) {
    const session = await this.tokens.find(user, id);
    if (!session) throw new NotFoundException();
    return this.tokens.rename(user, id, `${session.name ?? 'unnamed'} (is this you?)`);
  }

  end(user: User, id: string): Promise<boolean> {
    return this.tokens.revoke(user, id);
  }
}
// #endregion
