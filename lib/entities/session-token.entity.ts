import { Entity, JoinColumn, ManyToOne } from 'typeorm';
import { AbstractSessionToken } from './abstract-session-token.entity.ts';

/**
 * The token entity with all features, on the table of AuthToken: `knox_auth_token`. Its owner is the application's
 * entity class named `User`.
 */
@Entity('knox_auth_token')
export class SessionToken<User extends object = object> extends AbstractSessionToken<User> {
  @ManyToOne('User', { onDelete: 'CASCADE', nullable: false })
  @JoinColumn({ name: 'user_id' })
  user!: User;
}
