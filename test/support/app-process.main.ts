import {
  Controller,
  Get,
  HttpCode,
  Inject,
  Module,
  Post,
  UseGuards,
  type DynamicModule,
} from '@nestjs/common';
import type { INestApplication } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { EventEmitter2, EventEmitterModule } from '@nestjs/event-emitter';
import { TypeOrmModule } from '@nestjs/typeorm';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  AuthToken,
  CurrentToken,
  KnoxAuthGuard,
  KnoxModule,
  TokenService,
} from '../../lib/index.ts';
import type { KnoxEvent } from '../../lib/events/knox.events.ts';
import { connectAt } from './isolation.ts';
import {
  keyOfName,
  type AppStats,
  type Command,
  type SentEvent,
  type Serve,
} from './app-process.ts';
import { User } from './users.ts';

/** What an application process of test/support/app-process.ts runs. */

const lag = monitorEventLoopDelay({ resolution: 5 });
lag.enable();

@Controller()
class ProcessController {
  #events: SentEvent[] = [];

  constructor(
    private readonly tokens: TokenService,
    @Inject(EventEmitter2) emitter: EventEmitter2,
  ) {
    emitter.onAny((name, event: KnoxEvent & { count?: number }) => {
      const expiry = event.authToken?.expiry?.getTime() ?? null;
      this.#events.push({ name: String(name), count: event.count ?? 1, expiry });
    });
  }

  @Get('me')
  @UseGuards(KnoxAuthGuard)
  me(@CurrentToken() token: AuthToken<User>): object {
    return { id: token.user.id, expiry: token.expiry };
  }

  @Post('prune')
  @HttpCode(200)
  async prune(): Promise<object> {
    return { count: await this.tokens.deleteExpired() };
  }

  /** The events since the last time someone asked. */
  @Get('events')
  events(): SentEvent[] {
    return this.#events.splice(0);
  }

  @Get('stats')
  async stats(): Promise<AppStats> {
    const longestLagMs = lag.max / 1e6;
    globalThis.gc?.();
    const heapBytes = process.memoryUsage().heapUsed;
    // The collection holds the event loop up, and is nobody's fault.
    await sleep(20);
    lag.reset();
    return { longestLagMs, heapBytes };
  }
}

function appModule({ database, isolation, knox, password }: Serve): DynamicModule {
  @Module({})
  class ProcessModule {}

  return {
    module: ProcessModule,
    imports: [
      TypeOrmModule.forRootAsync({
        useFactory: () => ({ ...database, entities: [User, AuthToken], retryAttempts: 1 }),
        dataSourceFactory: (options) => connectAt(options!, isolation),
      }),
      EventEmitterModule.forRoot(),
      KnoxModule.forRoot({
        // Without the database, so that all that is asked of it is asked by the package.
        verifyCredentials: (username, sent) =>
          sent === password ? Object.assign(new User(), { id: keyOfName(username) }) : null,
        ...knox,
      }),
    ],
    controllers: [ProcessController],
  };
}

let app: INestApplication | undefined;
const realNow = Date.now.bind(Date);

async function serve(options: Serve): Promise<object> {
  await close();
  const skew = options.clockSkewMs ?? 0;
  Date.now = () => realNow() + skew;
  app = await NestFactory.create(appModule(options), {
    logger: false,
    abortOnError: false,
    forceCloseConnections: true,
  });
  await app.listen(0, '127.0.0.1');
  const { port } = app.getHttpServer().address();
  return { url: `http://127.0.0.1:${String(port)}` };
}

async function close(): Promise<object> {
  await app?.close();
  app = undefined;
  return {};
}

async function obey(command: Command): Promise<void> {
  try {
    process.send?.(await (command.serve ? serve(command.serve) : close()));
  } catch (error) {
    process.send?.({ error: error instanceof Error ? error.stack : String(error) });
  }
}

process.on('message', (command: Command) => void obey(command));
// A parent that is gone, however it went, leaves no process behind.
process.on('disconnect', () => process.exit());
process.send?.({});
