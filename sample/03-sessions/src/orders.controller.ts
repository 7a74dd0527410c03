import { Controller, Delete, Get, HttpCode, Post, UseGuards } from '@nestjs/common';
import { Abilities, CurrentUser, KnoxAuthGuard } from 'nestjs-knox';
import { User } from './user.entity.js';

/** In memory, since this sample is about tokens. */
const orders: { id: number; by: string }[] = [];

@Controller('orders')
@UseGuards(KnoxAuthGuard)
export class OrdersController {
  @Get()
  @Abilities('orders:read')
  list(@CurrentUser() user: User) {
    return orders.filter(({ by }) => by === user.username);
  }

  @Post()
  @Abilities('orders:write')
  add(@CurrentUser() user: User) {
    const order = { id: orders.length + 1, by: user.username };
    orders.push(order);
    return order;
  }

  /** It names no ability: a script cannot do this, whatever its key says. */
  @Delete()
  @HttpCode(204)
  removeAll(@CurrentUser() user: User): void {
    orders.splice(0, orders.length, ...orders.filter(({ by }) => by !== user.username));
  }
}
