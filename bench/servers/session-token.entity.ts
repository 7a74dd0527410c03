import { AbstractSessionToken } from 'nestjs-knox';
import { Entity, JoinColumn, ManyToOne } from 'typeorm';

/** What the tokens of this table may do. */
export const ABILITY = 'me:read';

/** The same tokens with the columns of all features, in a table of their own: uses are written to them. */
@Entity('session_tokens')
export class BenchSessionToken extends AbstractSessionToken {
  @ManyToOne('User', { onDelete: 'CASCADE', nullable: false })
  @JoinColumn({ name: 'user_id' })
  user!: object;
}
