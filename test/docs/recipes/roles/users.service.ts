import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Repository } from 'typeorm';
import { User } from './user.entity.ts';

/** Stands for one like that of the first app. */
@Injectable()
export class UsersService {
  constructor(@InjectRepository(User) private readonly users: Repository<User>) {}

  async verify(username: string, password: string): Promise<User | null> {
    return password === 'hunter2' ? this.users.findOneBy({ username }) : null;
  }
}
