import { Column, Entity, JoinColumn, ManyToOne, PrimaryGeneratedColumn } from 'typeorm';
import { AbstractAuthToken } from '../../lib/index.ts';

/** An owner that is not called User and has no isActive column. */
@Entity('members')
export class Member {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ type: 'varchar', length: 100, unique: true })
  username!: string;
}

/** A token class that an application has written. */
@Entity('device_token')
export class DeviceToken extends AbstractAuthToken<Member> {
  @ManyToOne(() => Member, { onDelete: 'CASCADE', nullable: false })
  @JoinColumn({ name: 'user_id' })
  user!: Member;

  @Column({ type: 'varchar', length: 100, nullable: true })
  deviceName!: string | null;

  /** Filled in by the database. */
  @Column({ type: 'varchar', length: 20, default: 'web' })
  platform!: string;
}
