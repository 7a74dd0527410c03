import { AbstractAuthToken } from 'nestjs-knox';
import { Column, Entity, JoinColumn, ManyToOne, PrimaryGeneratedColumn } from 'typeorm';

@Entity('staff')
export class Staff {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ type: 'varchar', unique: true })
  username!: string;

  @Column({ type: 'varchar', select: false })
  passwordHash!: string;
}

@Entity('staff_token')
export class StaffToken extends AbstractAuthToken<Staff> {
  @ManyToOne(() => Staff, { onDelete: 'CASCADE', nullable: false })
  @JoinColumn({ name: 'user_id' })
  user!: Staff;
}
