import { Injectable, Module } from '@nestjs/common';
import { InjectRepository, TypeOrmModule } from '@nestjs/typeorm';
import {
  djangoPasswordNeedsUpgrade,
  DjangoUser,
  makeDjangoPassword,
  verifyDjangoPassword,
} from 'nestjs-knox/django';
import { Repository } from 'typeorm';

/** As the Django beside this app has it: 600 000 in 4.2, 1 000 000 in 5.2. */
const HASHER = { iterations: 600_000 };

@Injectable()
export class DjangoUsersService {
  constructor(@InjectRepository(DjangoUser) private readonly users: Repository<DjangoUser>) {}

  async verify(username: string, password: string): Promise<DjangoUser | null> {
    // The password is loaded only where it is asked for: findOneBy would leave it out.
    const user = await this.users
      .createQueryBuilder('user')
      .addSelect('user.password')
      .where({ username })
      .getOne();
    // Asked for an unknown user too: response times must not tell who exists.
    const matches = await verifyDjangoPassword(password, user?.password, HASHER);
    if (!user || !matches) return null;
    if (djangoPasswordNeedsUpgrade(user.password, HASHER)) await this.upgrade(user, password);
    return user;
  }

  private async upgrade({ id, password: old }: DjangoUser, password: string): Promise<void> {
    const hash = await makeDjangoPassword(password, HASHER);
    // Not over a password that was changed in the meantime.
    await this.users.update({ id, password: old }, { password: hash });
  }
}

@Module({
  imports: [TypeOrmModule.forFeature([DjangoUser])],
  providers: [DjangoUsersService],
  exports: [DjangoUsersService],
})
export class DjangoUsersModule {}
