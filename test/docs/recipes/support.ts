import { Injectable, NotFoundException } from '@nestjs/common';
import { TokenService, type SessionToken } from 'nestjs-knox';
import type { User } from './user.entity.ts';

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
