import { scrypt, timingSafeEqual } from 'node:crypto';
import { promisify } from 'node:util';
import { Injectable, Module } from '@nestjs/common';
import { InjectRepository, TypeOrmModule } from '@nestjs/typeorm';
import { Column, Entity, PrimaryColumn, Repository } from 'typeorm';

/** The table of better-auth, which TypeORM must not change. */
@Entity('user', { synchronize: false })
export class User {
  @PrimaryColumn({ type: 'text' })
  id!: string;

  @Column({ type: 'text' })
  email!: string;

  @Column({ type: 'text' })
  name!: string;
}

/** Where better-auth keeps the hashes of passwords: in the row whose provider is `credential`. */
@Entity('account', { synchronize: false })
export class Account {
  @PrimaryColumn({ type: 'text' })
  id!: string;

  @Column({ type: 'text' })
  userId!: string;

  @Column({ type: 'text' })
  providerId!: string;

  @Column({ type: 'text', nullable: true })
  password!: string | null;
}

const derive = promisify<string, string, number, object, Buffer>(scrypt);
const COST = { N: 16_384, r: 16, p: 1, maxmem: 64 * 1024 * 1024 };

/** Whether better-auth has made this hash, `salt:key`, of this password. */
export async function isPassword(hash: string, password: string): Promise<boolean> {
  const [salt = '', key = ''] = hash.split(':');
  const derived = await derive(password.normalize('NFKC'), salt, 64, COST);
  const expected = Buffer.from(key, 'hex');
  return expected.length === derived.length && timingSafeEqual(expected, derived);
}

@Injectable()
export class UsersService {
  constructor(
    @InjectRepository(User) private readonly users: Repository<User>,
    @InjectRepository(Account) private readonly accounts: Repository<Account>,
  ) {}

  async verify(email: string, password: string): Promise<User | null> {
    const user = await this.users.findOneBy({ email: email.toLowerCase() });
    const where = { userId: user?.id ?? '', providerId: 'credential' };
    const account = await this.accounts.findOneBy(where);
    // An unknown user takes as long as a wrong password: response times must not tell who exists.
    return (await isPassword(account?.password ?? 'none:', password)) ? user : null;
  }
}

@Module({
  imports: [TypeOrmModule.forFeature([User, Account])],
  providers: [UsersService],
  exports: [UsersService],
})
export class UsersModule {}
