import { randomUUID } from 'node:crypto';
import { Injectable } from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import * as argon2 from '@node-rs/argon2';
import { Repository } from 'typeorm';
import { Role } from './role.entity.js';
import { User } from './user.entity.js';

@Injectable()
export class UsersService {
  private readonly dummyHash = argon2.hash(randomUUID());

  constructor(
    @InjectRepository(User) private readonly users: Repository<User>,
    @InjectRepository(Role) private readonly roles: Repository<Role>,
  ) {}

  /** The user that these credentials belong to, or null. */
  async verify(username: string, password: string): Promise<User | null> {
    const user = await this.users.findOne({
      where: { username },
      select: { id: true, username: true, passwordHash: true },
    });
    // An unknown user takes as long as a wrong password: response times must not tell who exists.
    const hash = user?.passwordHash ?? (await this.dummyHash);
    return (await argon2.verify(hash, password)) ? user : null;
  }

  async setPassword(username: string, password: string): Promise<void> {
    await this.users.update({ username }, { passwordHash: await argon2.hash(password) });
  }

  /** Makes a user with this role, unless there is one. */
  async seed(username: string, password: string, roleName: string): Promise<void> {
    if (await this.users.existsBy({ username })) return;
    const role =
      (await this.roles.findOneBy({ name: roleName })) ??
      (await this.roles.save({ name: roleName }));
    await this.users.save({
      username,
      passwordHash: await argon2.hash(password),
      roles: [role],
    });
  }
}
