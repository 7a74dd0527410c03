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
}
