import { Controller, Get, UseGuards } from '@nestjs/common';
import type { Repository } from 'typeorm';
import {
  Abilities,
  AnyAbility,
  CurrentUser,
  Fresh,
  KnoxAuthGuard,
  SessionToken,
  TokenService,
} from '../../lib/index.ts';
import { startApp, type TestApp, type TestAppOptions } from './app.ts';
import { User } from './users.ts';

/** One route for each thing that a handler may ask of a token. */
@Controller('orders')
@UseGuards(KnoxAuthGuard)
export class OrdersController {
  @Get()
  @Abilities('orders:read')
  read(@CurrentUser('username') username: string): object {
    return { username };
  }

  @Get('all')
  @Abilities('orders:read', 'orders:write')
  both(): object {
    return {};
  }

  @Get('one-of')
  @AnyAbility('orders:read', 'orders:admin')
  oneOf(): object {
    return {};
  }

  @Get('any')
  @Abilities()
  any(): object {
    return {};
  }

  @Get('unnamed')
  unnamed(): object {
    return {};
  }

  @Get('fresh')
  @Fresh('10m')
  fresh(): object {
    return {};
  }
}

export interface SessionApp extends Omit<TestApp, 'tokens' | 'rows'> {
  readonly tokens: TokenService<SessionToken<User>>;
  readonly rows: Repository<SessionToken<User>>;
}

/** An application whose tokens are SessionTokens, with the routes of sessions. */
export async function startSessionApp(options: TestAppOptions = {}): Promise<SessionApp> {
  const test = await startApp({
    ...options,
    entities: [User, SessionToken],
    controllers: [OrdersController, ...(options.controllers ?? [])],
    knox: { tokenEntity: SessionToken, sessions: true, ...options.knox },
  });
  return {
    ...test,
    tokens: test.tokens as unknown as SessionApp['tokens'],
    rows: test.dataSource.getRepository<SessionToken<User>>(SessionToken),
  };
}
