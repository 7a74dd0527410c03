import { Column, Entity, JoinColumn, ManyToOne } from 'typeorm';
import { AbstractAuthToken } from '../../lib/index.ts';
import { User } from './users.ts';

/** A token with a column that the database fills in, so that TypeORM reads the row after an INSERT. */
@Entity('knox_auth_token')
export class GeneratedColumnToken extends AbstractAuthToken<User> {
  @ManyToOne(() => User, { onDelete: 'CASCADE', nullable: false })
  @JoinColumn({ name: 'user_id' })
  user!: User;

  @Column({ type: 'varchar', length: 20, default: 'web' })
  platform!: string;
}
