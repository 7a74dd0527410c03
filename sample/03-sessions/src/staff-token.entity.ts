import { AbstractAuthToken } from 'nestjs-knox';
import { Entity, JoinColumn, ManyToOne } from 'typeorm';
import { Staff } from './staff.entity.js';

@Entity('staff_token')
export class StaffToken extends AbstractAuthToken<Staff> {
  @ManyToOne(() => Staff, { onDelete: 'CASCADE', nullable: false })
  @JoinColumn({ name: 'user_id' })
  user!: Staff;
}
