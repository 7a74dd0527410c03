import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { User } from './user.entity.ts';

/** Stands for that of the first app, which hashes its passwords. */
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
