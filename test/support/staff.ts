import { Column, Entity, JoinColumn, ManyToOne, PrimaryGeneratedColumn } from 'typeorm';
import { AbstractAuthToken } from '../../lib/index.ts';

/** Users of another kind than User, with a table of their own, so that the same ids occur in both. */
@Entity('staff')
export class Staff {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ type: 'varchar', length: 100, unique: true })
  username!: string;

  @Column({ type: 'boolean', default: true })
  isActive!: boolean;
}

@Entity('staff_token')
export class StaffToken extends AbstractAuthToken<Staff> {
  @ManyToOne(() => Staff, { onDelete: 'CASCADE', nullable: false })
  @JoinColumn({ name: 'user_id' })
  user!: Staff;
}
