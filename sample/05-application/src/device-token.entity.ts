import { AbstractAuthToken } from 'nestjs-knox';
import { Column, Entity, JoinColumn, ManyToOne } from 'typeorm';
import { User } from './user.entity.js';

@Entity('device_token')
export class DeviceToken extends AbstractAuthToken<User> {
  @ManyToOne(() => User, { onDelete: 'CASCADE', nullable: false })
  @JoinColumn({ name: 'user_id' })
  user!: User;

  @Column({ type: 'varchar', length: 100, nullable: true })
  deviceName!: string | null;
}
