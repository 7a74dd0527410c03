import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import * as argon2 from '@node-rs/argon2';
import { Repository } from 'typeorm';
import { User } from './user.entity.js';

@Injectable()
export class UsersService {
  /** Of a random password: see below. */
  private readonly dummyHash = argon2.hash(randomUUID());

  constructor(@InjectRepository(User) private readonly users: Repository<User>) {}

  /** Makes the user, or gives it another password. */
  async setPassword(username: string, password: string): Promise<void> {
    const user = (await this.users.findOneBy({ username })) ?? this.users.create({ username });
    user.passwordHash = await argon2.hash(password);
    await this.users.save(user);
  }

  /** The user that these credentials belong to, or null. */
  async verify(username: string, password: string): Promise<User | null> {
    const user = await this.users.findOne({
      where: { username },
      select: { id: true, username: true, passwordHash: true, isActive: true },
    });
    // An unknown user takes as long as a wrong password: response times must not tell who exists.
    const hash = user?.passwordHash ?? (await this.dummyHash);
    return (await argon2.verify(hash, password)) ? user : null;
  }
}
