import { Column, Entity, JoinTable, ManyToMany, PrimaryGeneratedColumn } from 'typeorm';
import { User as UserWithoutRoles } from './user.entity.ts';

export const ROLES_PER_USER = 2;

@Entity('roles')
export class Role {
  @PrimaryGeneratedColumn()
  id!: number;

  @Column({ type: 'varchar', length: 255, unique: true })
  name!: string;
}

/** The users of the same table, with their roles. The token entity finds its owner by the name User. */
@Entity('users')
export class User extends UserWithoutRoles {
  @ManyToMany(() => Role)
  @JoinTable({
    name: 'user_roles',
    joinColumn: { name: 'user_id' },
    inverseJoinColumn: { name: 'role_id' },
  })
  roles!: Role[];
}
