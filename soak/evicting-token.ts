import { Entity, JoinColumn, ManyToOne } from 'typeorm';
import { AbstractSessionToken } from '../lib/index.ts';
import { User } from '../test/support/users.ts';

/** So long that none expires in the time for which the soak knows which ones make room. */
export const EVICTING_TTL_MS = 600_000;

/** The tokens of the realm in which a login at the limit revokes the user's oldest token. */
@Entity('evicting_token')
export class EvictingToken extends AbstractSessionToken<User> {
  @ManyToOne(() => User, { onDelete: 'CASCADE', nullable: false })
  @JoinColumn({ name: 'user_id' })
  user!: User;
}
