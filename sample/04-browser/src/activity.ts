import { Injectable } from '@nestjs/common';
import { OnEvent } from '@nestjs/event-emitter';
import {
  TokenRevokedEvent,
  UserLoggedInEvent,
  type RevocationReason,
  type SessionToken,
} from 'nestjs-knox';
import { filter, Subject, type Observable } from 'rxjs';
import type { User } from './user.entity.js';

/** Something that has happened to an account. */
export interface Entry {
  readonly at: Date;
  readonly text: string;
}

const REVOKED: Readonly<Partial<Record<RevocationReason, string>>> = {
  logout: 'A device signed out.',
  session: 'A device was signed out.',
  other_sessions: 'All other devices were signed out.',
  limit: 'The least used device was signed out: there were too many.',
  reauthenticated: 'The password was confirmed.',
};

/** Tells what happens to an account. In memory, so of this process: several of them would share a message broker. */
@Injectable()
export class Activity {
  private readonly entries = new Subject<Entry & { readonly userId: number }>();

  add(user: User, text: string): void {
    this.entries.next({ userId: user.id, at: new Date(), text });
  }

  of(user: User): Observable<Entry> {
    return this.entries.pipe(filter(({ userId }) => userId === user.id));
  }

  @OnEvent(UserLoggedInEvent.eventName)
  loggedIn({ user, authToken }: UserLoggedInEvent): void {
    const { name } = authToken as SessionToken<User>;
    this.add(user as User, `${name ?? 'A device without a name'} signed in.`);
  }

  @OnEvent(TokenRevokedEvent.eventName)
  revoked({ user, reason }: TokenRevokedEvent): void {
    const text = REVOKED[reason];
    if (user && text !== undefined) this.add(user as User, text);
  }
}
