import {
  AfterLoad,
  ChildEntity,
  Column,
  DeleteDateColumn,
  Entity,
  JoinColumn,
  JoinTable,
  ManyToMany,
  ManyToOne,
  PrimaryGeneratedColumn,
  TableInheritance,
} from 'typeorm';
import { AbstractAuthToken } from '../../lib/index.ts';

@Entity('permissions')
export class Permission {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ type: 'varchar', length: 20 })
  name!: string;
}

@Entity('roles')
export class Role {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ type: 'varchar', length: 20 })
  name!: string;

  @ManyToMany(() => Permission, { cascade: true })
  @JoinTable()
  permissions!: Permission[];
}

@Entity('countries')
export class Country {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ type: 'varchar', length: 20 })
  name!: string;
}

@Entity('teams')
export class Team {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ type: 'varchar', length: 20 })
  name!: string;

  @ManyToOne(() => Country, { eager: true, cascade: true })
  country!: Country;
}

export class Address {
  @Column({ type: 'varchar', length: 20 })
  city!: string;

  @ManyToOne(() => Country, { cascade: true })
  country!: Country;
}

/** An owner that uses all that TypeORM can do with a column or a relation. */
@Entity('employees')
@TableInheritance({ column: { type: 'varchar', name: 'kind', length: 20 } })
export class Employee {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ type: 'varchar', length: 50 })
  username!: string;

  @Column({ type: 'varchar', length: 50, select: false, default: 'secret' })
  secret!: string;

  @Column({
    type: 'varchar',
    length: 50,
    transformer: {
      to: (tags: string[]) => tags.join('|'),
      from: (tags: string) => tags.split('|'),
    },
  })
  tags!: string[];

  @Column({ type: 'boolean' })
  isActive!: boolean;

  @Column(() => Address)
  address!: Address;

  @ManyToOne(() => Team, { eager: true, cascade: true })
  team!: Team;

  @ManyToMany(() => Role, { cascade: true })
  @JoinTable()
  roles!: Role[];

  @DeleteDateColumn()
  deletedAt!: Date | null;

  isLoaded?: boolean;

  @AfterLoad()
  markLoaded(): void {
    this.isLoaded = true;
  }
}

@ChildEntity()
export class Manager extends Employee {
  @Column({ type: 'varchar', length: 20, nullable: true })
  title!: string | null;
}

@Entity('badges')
export class Badge {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ type: 'varchar', length: 20 })
  colour!: string;
}

@Entity('employee_tokens')
export class EmployeeToken extends AbstractAuthToken<Employee> {
  @ManyToOne(() => Employee, { onDelete: 'CASCADE', nullable: false })
  @JoinColumn({ name: 'user_id' })
  user!: Employee;

  @ManyToOne(() => Badge, { eager: true, nullable: true })
  badge!: Badge | null;
}

export const EMPLOYEE_ENTITIES = [
  Badge,
  Country,
  Employee,
  EmployeeToken,
  Manager,
  Permission,
  Role,
  Team,
];
