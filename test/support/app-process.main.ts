import {
  Body,
  Controller,
  Get,
  HttpCode,
  Inject,
  Post,
  Module,
  type DynamicModule,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventEmitter2, EventEmitterModule } from '@nestjs/event-emitter';
import { TypeOrmModule } from '@nestjs/typeorm';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { AuthToken, KnoxModule, SessionToken, TokenService } from '../../lib/index.ts';
import type { KnoxEvent } from '../../lib/events/knox.events.ts';
import { AppProcessController, obeyCommands, verifyNumberedUser } from './app-commands.ts';
import type { AppStats, SentEvent, Serve } from './app-process.ts';
import { connectWithIsolation } from './isolation.ts';
import { User } from './users.ts';

/** The program of an AppProcess in tests. */

const delay = monitorEventLoopDelay({ resolution: 5 });
delay.enable();

@Controller()
class ProcessController extends AppProcessController {
  #events: SentEvent[] = [];

  constructor(tokens: TokenService, @Inject(EventEmitter2) emitter: EventEmitter2) {
    super(tokens);
    emitter.onAny((name, event: KnoxEvent & { count?: number }) => {
      const expiry = event.authToken?.expiry?.getTime() ?? null;
      this.#events.push({ name: String(name), count: event.count ?? 1, expiry });
    });
  }

  /** The events since the last request for them. */
  @Get('events')
  events(): SentEvent[] {
    return this.#events.splice(0);
  }

  @Post('consume')
  @HttpCode(200)
  async consume(@Body() { token }: { token: string }): Promise<object> {
    return { id: ((await this.tokens.consume(token)).user as User).id };
  }

  @Get('stats')
  async stats(): Promise<AppStats> {
    const maxEventLoopDelayMs = delay.max / 1e6;
    globalThis.gc?.();
    const heapBytes = process.memoryUsage().heapUsed;
    // The garbage collection delays the event loop too: do not count it in the next answer.
    await sleep(20);
    delay.reset();
    return { maxEventLoopDelayMs, heapBytes };
  }
}

function appModule({ database, isolation, hasSessions, knox, password }: Serve): DynamicModule {
  const tokenEntity = hasSessions ? SessionToken : AuthToken;

  @Module({})
  class ProcessModule {}

  return {
    module: ProcessModule,
    imports: [
      TypeOrmModule.forRootAsync({
        useFactory: () => ({ ...database, entities: [User, tokenEntity], retryAttempts: 1 }),
        dataSourceFactory: (options) => connectWithIsolation(options!, isolation),
      }),
      EventEmitterModule.forRoot(),
      KnoxModule.forRoot({
        tokenEntity,
        verifyCredentials: verifyNumberedUser(password),
        ...knox,
      }),
    ],
    controllers: [ProcessController],
  };
}

const realNow = Date.now.bind(Date);

obeyCommands((options) => {
  const skew = options.clockSkewMs ?? 0;
  Date.now = () => realNow() + skew;
  return NestFactory.create(appModule(options), {
    logger: false,
    abortOnError: false,
    forceCloseConnections: true,
  });
});
