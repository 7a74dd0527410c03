import {
  BadRequestException,
  Body,
  Controller,
  ForbiddenException,
  HttpCode,
  Post,
} from '@nestjs/common';
import { InjectRepository } from '@nestjs/typeorm';
import { Public, TokenService, type SessionToken } from 'nestjs-knox';
import { Repository } from 'typeorm';
import { User } from './user.entity.ts';
import { UsersService } from './users.service.ts';

/** Extend it with what sends your mails: `{ provide: Mailer, useClass: … }`. */
export abstract class Mailer {
  abstract send(user: User, text: string): Promise<void>;
}

const ABILITY = 'password:reset';

@Public()
@Controller('password-reset')
export class PasswordResetController {
  constructor(
    @InjectRepository(User) private readonly repository: Repository<User>,
    private readonly users: UsersService,
    private readonly mailer: Mailer,
    private readonly tokens: TokenService<SessionToken<User>>,
  ) {}

  @Post('mails')
  @HttpCode(202)
  async mail(@Body() { username }: { username: unknown }): Promise<void> {
    if (typeof username !== 'string') throw new BadRequestException();
    const user = await this.repository.findOneBy({ username });
    if (!user?.isActive) return; // the same answer: it must not tell who exists
    const options = { name: 'password reset', abilities: [ABILITY], ttl: '30m', limit: null };
    const { token } = await this.tokens.create(user, options);
    await this.mailer.send(user, `https://app.example/reset#${token}`);
  }

  /** Called by the page behind the link, and not by the link itself, which mail scanners open. */
  @Post()
  async reset(@Body() { token, password }: { token: unknown; password: unknown }) {
    if (typeof token !== 'string' || typeof password !== 'string') throw new BadRequestException();
    const { user, authToken } = await this.tokens.consume(token, { ability: ABILITY });
    // The token of a login may do everything, but a thief of it must not set a password.
    if (authToken.abilities === null) throw new ForbiddenException();
    await this.users.setPassword(user.username, password);
    return { loggedOut: await this.tokens.revokeAll(user) };
  }
}
