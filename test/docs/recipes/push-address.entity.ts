import { SessionToken } from 'nestjs-knox';
import { Column, Entity, ManyToOne, PrimaryGeneratedColumn } from 'typeorm';
import type { User } from './user.entity.ts';

@Entity('push_address')
export class PushAddress {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ type: 'varchar', length: 200 })
  url!: string;

  @ManyToOne(() => SessionToken, { onDelete: 'CASCADE', onUpdate: 'CASCADE', nullable: false })
  session!: SessionToken<User>;
}
