import { BadRequestException, Body, ConflictException, Controller, Post } from '@nestjs/common';
import * as argon2 from '@node-rs/argon2';
import { Public, TokenService } from 'nestjs-knox';
import { DataSource } from 'typeorm';
import type { DeviceToken } from './device-token.entity.js';
import { User } from './user.entity.js';

@Controller('sign-up')
export class SignUpController {
  constructor(
    private readonly dataSource: DataSource,
    private readonly tokens: TokenService<DeviceToken>,
  ) {}

  /** Makes the user and its first token in one transaction. */
  @Public()
  @Post()
  async signUp(@Body() body?: { username?: unknown; password?: unknown }) {
    const { username, password } = body ?? {};
    if (typeof username !== 'string' || typeof password !== 'string') {
      throw new BadRequestException('username and password must be strings.');
    }
    const passwordHash = await argon2.hash(password);
    return this.dataSource.transaction(async (manager) => {
      if (await manager.existsBy(User, { username })) throw new ConflictException();
      const user = await manager.save(manager.create(User, { username, passwordHash }));
      const { token } = await this.tokens.create(user, { manager });
      return { token };
    });
  }
}
