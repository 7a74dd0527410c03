import { Injectable, Module } from '@nestjs/common';
import { InjectRepository, TypeOrmModule } from '@nestjs/typeorm';
import { DjangoUser, verifyDjangoPassword } from 'nestjs-knox/django';
import { Repository } from 'typeorm';

/** As the Django that wrote the fixture has it. */
const HASHER = { iterations: 600_000 };

@Injectable()
export class UsersService {
  constructor(@InjectRepository(DjangoUser) private readonly users: Repository<DjangoUser>) {}

  /** The user that these credentials belong to, or null. */
  async verify(username: string, password: string): Promise<DjangoUser | null> {
    const user = await this.users
      .createQueryBuilder('user')
      .addSelect('user.password')
      .where({ username })
      .getOne();
    // Asked for an unknown user too: response times must not tell who exists.
    return (await verifyDjangoPassword(password, user?.password, HASHER)) ? user : null;
  }
}

@Module({
  imports: [TypeOrmModule.forFeature([DjangoUser])],
  providers: [UsersService],
  exports: [UsersService],
})
export class UsersModule {}
