import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import * as argon2 from '@node-rs/argon2';
import { Repository } from 'typeorm';
import { isPassword } from './passwords.js';
import { User } from './user.entity.js';

@Injectable()
export class UsersService {
  constructor(@InjectRepository(User) private readonly users: Repository<User>) {}

  /** Makes the user, or gives it another password. */
  async setPassword(username: string, password: string): Promise<void> {
    const passwordHash = await argon2.hash(password);
    await this.users.upsert({ username, passwordHash }, ['username']);
  }

  find(username: string): Promise<User | null> {
    return this.users.findOneBy({ username });
  }

  /** The user that these credentials belong to, or null. */
  async verify(username: string, password: string): Promise<User | null> {
    const user = await this.users.findOne({
      where: { username },
      select: { id: true, username: true, passwordHash: true },
    });
    return (await isPassword(user?.passwordHash, password)) ? user : null;
  }
}
