import { AbstractAuthToken } from 'nestjs-knox';
import { Column, Entity, JoinColumn, ManyToOne, PrimaryGeneratedColumn } from 'typeorm';

@Entity('members')
export class Member {
  @PrimaryGeneratedColumn('uuid')
  id!: string;

  @Column({ type: 'varchar', unique: true })
  email!: string;

  @Column({ type: 'varchar', select: false })
  passwordHash!: string;
}

@Entity('device_token')
export class DeviceToken extends AbstractAuthToken<Member> {
  @ManyToOne(() => Member, { onDelete: 'CASCADE', nullable: false })
  @JoinColumn({ name: 'user_id' })
  user!: Member;

  @Column({ type: 'varchar', length: 100, nullable: true })
  deviceName!: string | null;
}
