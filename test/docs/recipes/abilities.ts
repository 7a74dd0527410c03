import {
  BadRequestException,
  Body,
  Controller,
  Delete,
  Get,
  Post,
  UseGuards,
} from '@nestjs/common';
import {
  Abilities,
  AnyAbility,
  CurrentToken,
  CurrentUser,
  KnoxAuthGuard,
  TokenService,
  type SessionToken,
} from 'nestjs-knox';
import type { User } from './user.entity.ts';

@Controller('keys')
@UseGuards(KnoxAuthGuard)
export class KeysController {
  constructor(private readonly tokens: TokenService<SessionToken<User>>) {}

  /** Makes a key for a script. */
  @Post()
  @Abilities('keys:create')
  async create(
    @CurrentUser() user: User,
    @CurrentToken() within: SessionToken<User>,
    @Body() { name, mayWrite }: { name: unknown; mayWrite: unknown },
  ) {
    if (typeof name !== 'string' || !/^[\w -]{1,100}$/.test(name)) throw new BadRequestException();
    const abilities = mayWrite === true ? ['orders:read', 'orders:write'] : ['orders:read'];
    const { token } = await this.tokens.create(user, { name, abilities, within, limit: null });
    return { token };
  }
}

@Controller('orders')
@UseGuards(KnoxAuthGuard)
export class OrdersController {
  @Get()
  @AnyAbility('orders:read', 'orders:write')
  list(@CurrentToken() token: SessionToken<User>) {
    return { orders: [], canAdd: token.can('orders:write') };
  }

  @Post()
  @Abilities('orders:write')
  add() {
    return { added: true };
  }

  @Delete() // names no ability: for logins only
  deleteAll() {
    return { deleted: true };
  }
}
