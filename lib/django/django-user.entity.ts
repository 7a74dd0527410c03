import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

/**
 * A user of Django's default model, table `auth_user`, for reading and for `update`. It leaves out `last_login` and
 * `date_joined`, because their JavaScript values depend on the driver. For more columns or another model, write your own
 * entity and give it to djangoAuthToken.
 *
 * @see django/contrib/auth/models.py, AbstractUser
 */
@Entity({ name: 'auth_user', synchronize: false })
export class DjangoUser {
  @PrimaryGeneratedColumn({ name: 'id', type: 'int' })
  id!: number;

  @Column({ name: 'username', type: 'varchar', length: 150, unique: true })
  username!: string;

  /** The hash, for verifyDjangoPassword. It is loaded only if a query selects it by name. */
  @Column({ name: 'password', type: 'varchar', length: 128, select: false })
  password!: string;

  @Column({ name: 'email', type: 'varchar', length: 254 })
  email!: string;

  @Column({ name: 'first_name', type: 'varchar', length: 150 })
  firstName!: string;

  @Column({ name: 'last_name', type: 'varchar', length: 150 })
  lastName!: string;

  /** If it is false, the user's tokens are refused. */
  @Column({ name: 'is_active', type: 'boolean' })
  isActive!: boolean;

  @Column({ name: 'is_staff', type: 'boolean' })
  isStaff!: boolean;

  @Column({ name: 'is_superuser', type: 'boolean' })
  isSuperuser!: boolean;
}
