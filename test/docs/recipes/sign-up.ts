import { Body, Controller, Post } from '@nestjs/common';
import * as argon2 from '@node-rs/argon2';
import { Public, TokenService } from 'nestjs-knox';
import { DataSource } from 'typeorm';
import { User } from '../../../sample/01-quickstart/src/user.entity.ts';

@Controller('sign-up')
export class SignUpController {
  constructor(
    private readonly dataSource: DataSource,
    private readonly tokens: TokenService,
  ) {}

  @Public()
  @Post()
  async signUp(@Body() { username, password }: { username: string; password: string }) {
    const passwordHash = await argon2.hash(password);
    return this.dataSource.transaction(async (manager) => {
      const user = await manager.save(manager.create(User, { username, passwordHash }));
      const { token } = await this.tokens.create(user, { manager });
      return { token };
    });
  }
}
