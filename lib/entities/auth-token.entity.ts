import { Entity, JoinColumn, ManyToOne } from 'typeorm';
import { AbstractAuthToken } from './abstract-auth-token.entity.ts';

/**
 * The default token entity, table `knox_auth_token`. Its owner is the application's entity class named `User`.
 * TypeORM resolves that name when a data source starts, so that each data source may have another one.
 *
 * @see knox/models.py, AuthToken
 */
@Entity('knox_auth_token')
export class AuthToken<User extends object = object> extends AbstractAuthToken<User> {
  @ManyToOne('User', { onDelete: 'CASCADE', nullable: false })
  @JoinColumn({ name: 'user_id' })
  user!: User;
}
