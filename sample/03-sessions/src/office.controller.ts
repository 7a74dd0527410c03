import {
  Controller,
  Delete,
  Get,
  HttpCode,
  NotFoundException,
  Param,
  UseGuards,
} from '@nestjs/common';
import { KnoxAuthGuard, Realm, TokenService, type SessionToken } from 'nestjs-knox';
import { User } from './user.entity.js';
import { UsersService } from './users.service.js';

/** Staff help users who have lost a device. */
@Controller('office/users/:username/sessions')
@Realm('staff')
@UseGuards(KnoxAuthGuard)
export class OfficeController {
  constructor(
    private readonly users: UsersService,
    private readonly tokens: TokenService<SessionToken<User>>,
  ) {}

  @Get()
  async list(@Param('username') username: string) {
    const sessions = await this.tokens.list(await this.userOf(username));
    return sessions.map(({ publicId, name, abilities, lastUsed }) => {
      return { id: publicId, name, abilities, lastUsed };
    });
  }

  @Delete(':id')
  @HttpCode(204)
  async end(@Param('username') username: string, @Param('id') id: string): Promise<void> {
    const isEnded = await this.tokens.revoke(await this.userOf(username), id);
    if (!isEnded) throw new NotFoundException();
  }

  private async userOf(username: string): Promise<User> {
    const user = await this.users.find(username);
    if (!user) throw new NotFoundException();
    return user;
  }
}
