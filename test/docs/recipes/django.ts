import { Injectable, Module } from '@nestjs/common';
import { InjectRepository, TypeOrmModule } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { User } from './users.ts';
// #region django-passwords
import {
  djangoPasswordNeedsUpgrade,
  makeDjangoPassword,
  verifyDjangoPassword,
} from 'nestjs-knox/django';

/** As the Django beside this app has it: 600 000 in 4.2, 1 000 000 in 5.2. */
const HASHER = { iterations: 600_000 };

@Injectable()
export class DjangoUsersService {
  constructor(@InjectRepository(User) private readonly users: Repository<User>) {}

  async verify(username: string, password: string): Promise<User | null> {
    const user = await this.users.findOneBy({ username });
    // Asked for an unknown user too: response times must not tell who exists.
    const matches = await verifyDjangoPassword(password, user?.password, HASHER);
    if (!user || !matches) return null;
    if (djangoPasswordNeedsUpgrade(user.password, HASHER)) await this.upgrade(user, password);
    return user;
  }

  private async upgrade({ id, password: old }: User, password: string): Promise<void> {
    const hash = await makeDjangoPassword(password, HASHER);
    // Not over a password that was changed in the meantime.
    await this.users.update({ id, password: old }, { password: hash });
  }
}
// #endregion

@Module({
  imports: [TypeOrmModule.forFeature([User])],
  providers: [DjangoUsersService],
  exports: [DjangoUsersService],
})
export class DjangoUsersModule {}
