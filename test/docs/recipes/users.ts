import { Injectable, Module } from '@nestjs/common';
import { InjectRepository, TypeOrmModule } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { User } from '../../support/users.ts';

export { User };

/** Stands for the application's own, which hashes its passwords. */
@Injectable()
export class UsersService {
  constructor(@InjectRepository(User) private readonly users: Repository<User>) {}

  async verify(username: string, password: string): Promise<User | null> {
    const user = await this.users.findOneBy({ username });
    return user?.password === password ? user : null;
  }

  async setPassword(username: string, password: string): Promise<void> {
    await this.users.update({ username }, { password });
  }
}

@Module({
  imports: [TypeOrmModule.forFeature([User])],
  providers: [UsersService],
  exports: [UsersService],
})
export class UsersModule {}
