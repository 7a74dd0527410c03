import { BadRequestException, Body, Controller, Post, UseGuards } from '@nestjs/common';
import { CurrentUser, Fresh, KnoxAuthGuard, TokenService, type SessionToken } from 'nestjs-knox';
import { User } from './user.entity.js';

/** What the key of a script may be given. */
const ABILITIES = ['orders:read', 'orders:write'];

@Controller('keys')
@UseGuards(KnoxAuthGuard)
export class KeysController {
  constructor(private readonly tokens: TokenService<SessionToken<User>>) {}

  /** Makes a key for a script. A key lives for long, so that a stolen session must not make one. */
  @Post()
  @Fresh('10m')
  async create(
    @CurrentUser() user: User,
    @Body() { name, abilities }: { name: unknown; abilities: unknown },
  ) {
    if (typeof name !== 'string' || !/^[\w -]{1,100}$/.test(name)) {
      throw new BadRequestException('"name" must have 1 to 100 letters, digits, _, - or spaces.');
    }
    if (!isAbilities(abilities)) {
      throw new BadRequestException(`"abilities" must be some of ${ABILITIES.join(', ')}.`);
    }
    const options = { name, abilities, ttl: '90d', limit: null };
    const { authToken, token } = await this.tokens.create(user, options);
    return { id: authToken.publicId, name, abilities, token };
  }
}

function isAbilities(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((one) => ABILITIES.includes(one as string));
}
