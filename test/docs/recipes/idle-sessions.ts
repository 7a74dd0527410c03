import { Injectable } from '@nestjs/common';
import { SessionToken, TokenService } from 'nestjs-knox';
import type { User } from './user.entity.ts';

const IDLE_MS = 30 * 24 * 3_600_000;

@Injectable()
export class IdleSessions {
  constructor(private readonly tokens: TokenService<SessionToken<User>>) {}

  /** Ends the sessions that the user has not used for 30 days. */
  async end(user: User): Promise<number> {
    const since = ({ lastUsed, created }: SessionToken) => (lastUsed ?? created).getTime();
    const sessions = await this.tokens.list(user);
    const idle = sessions.filter((session) => since(session) < Date.now() - IDLE_MS);
    await Promise.all(idle.map((session) => this.tokens.revoke(session)));
    return idle.length;
  }
}
