import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

/** People of the company, who are no users: another table, other tokens, another login. */
@Entity('staff')
export class Staff {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ type: 'varchar', unique: true })
  name!: string;

  /** Loaded only where it is asked for by name. */
  @Column({ type: 'varchar', select: false })
  passwordHash!: string;
}
