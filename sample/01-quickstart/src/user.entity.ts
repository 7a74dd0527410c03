import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

@Entity('users')
export class User {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ type: 'varchar', unique: true })
  username!: string;

  /** Loaded only where it is asked for by name. */
  @Column({ type: 'varchar', select: false })
  passwordHash!: string;

  /** Users who are not active cannot log in, and their tokens are refused. */
  @Column({ type: 'boolean', default: true })
  isActive!: boolean;
}
