import { Column, Entity, PrimaryGeneratedColumn } from 'typeorm';

/**
 * A user of Django's default model, table `auth_user`, for reading and for `update`. Its `last_login` and
 * `date_joined` are left out: what they hold depends on the driver. For more, or for another model, write
 * an entity of your own and give it to djangoAuthToken.
 *
 * @see django/contrib/auth/models.py, AbstractUser
 */
@Entity({ name: 'auth_user', synchronize: false })
export class DjangoUser {
  @PrimaryGeneratedColumn({ name: 'id', type: 'int' })
  id!: number;

  @Column({ name: 'username', type: 'varchar', length: 150, unique: true })
  username!: string;

  /** The hash, for verifyDjangoPassword; loaded only where it is asked for by name. */
  @Column({ name: 'password', type: 'varchar', length: 128, select: false })
  password!: string;

  @Column({ name: 'email', type: 'varchar', length: 254 })
  email!: string;

  @Column({ name: 'first_name', type: 'varchar', length: 150 })
  firstName!: string;

  @Column({ name: 'last_name', type: 'varchar', length: 150 })
  lastName!: string;

  /** Without it, no token of the user's is good. */
  @Column({ name: 'is_active', type: 'boolean' })
  isActive!: boolean;

  @Column({ name: 'is_staff', type: 'boolean' })
  isStaff!: boolean;

  @Column({ name: 'is_superuser', type: 'boolean' })
  isSuperuser!: boolean;
}
