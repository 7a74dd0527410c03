import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

/** The owner of the default AuthToken in most tests. */
@Entity('users')
export class User {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ type: 'varchar', length: 100, unique: true })
  username!: string;

  /** Not hashed: hashing is the application's task, and slow. */
  @Column({ type: 'varchar', length: 100 })
  password!: string;

  @Column({ type: 'boolean', default: true })
  isActive!: boolean;
}
