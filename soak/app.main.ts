import {
  Controller,
  Get,
  HttpCode,
  Module,
  Post,
  Query,
  UseGuards,
  type DynamicModule,
  type INestApplication,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { TypeOrmModule } from '@nestjs/typeorm';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import {
  AuthToken,
  CurrentToken,
  KnoxAuthGuard,
  KnoxController,
  KnoxModule,
  TokenService,
  type LoginContext,
} from '../lib/index.ts';
import { keyOfName, type Command, type Serve } from '../test/support/app-process.ts';
import { User } from '../test/support/users.ts';
import { FUZZ_USER } from './users.ts';

/** What an application process of the soak runs. */

/** What GET /stats tells. */
export interface ProcessStats {
  readonly heapBytes: number;
  readonly longestLagMs: number;
  readonly unhandledRejections: number;
}

const lag = monitorEventLoopDelay({ resolution: 10 });
lag.enable();
let unhandledRejections = 0;
process.on('unhandledRejection', () => unhandledRejections++);
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

@Controller('auth')
class SessionController extends KnoxController {
  /** The client says how long: a soak has tokens of all ages. */
  protected override getTokenTtl(context: LoginContext): string | number | null {
    const { 'x-ttl': ttl } = context.request.headers;
    return typeof ttl === 'string' ? ttl : (super.getTokenTtl(context) as number);
  }

  protected override getTokenLimitPerUser(context: LoginContext): number | null {
    const { id } = context.user as User;
    return id === FUZZ_USER ? null : (super.getTokenLimitPerUser(context) as number);
  }
}

@Controller()
class SoakController {
  constructor(private readonly tokens: TokenService) {}

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

  @Get('stats')
  stats(@Query('gc') gc?: string): ProcessStats {
    if (gc !== undefined) collectGarbage();
    return {
      heapBytes: process.memoryUsage().heapUsed,
      longestLagMs: lag.max / 1e6,
      unhandledRejections,
    };
  }
}

function appModule({ database, knox, password }: Serve): DynamicModule {
  @Module({})
  class SoakModule {}

  return {
    module: SoakModule,
    imports: [
      TypeOrmModule.forRoot({ ...database, entities: [User, AuthToken], retryAttempts: 1 }),
      KnoxModule.forRoot({
        verifyCredentials: (username, sent) =>
          sent === password && /^user-\d{1,6}$/.test(username)
            ? Object.assign(new User(), { id: keyOfName(username) })
            : null,
        controller: false,
        ...knox,
      }),
    ],
    controllers: [SessionController, SoakController],
  };
}

let app: INestApplication | undefined;

async function obey({ serve }: Command): Promise<object> {
  if (!serve) {
    await app?.close();
    return {};
  }
  app = await NestFactory.create(appModule(serve), { logger: false, abortOnError: false });
  await app.listen(0, '127.0.0.1');
  // A connection that is closed in the moment of its next use would look like a fault.
  const server = app.getHttpServer();
  server.keepAliveTimeout = 120_000;
  // The fuzzer closes its half of a connection with its last byte.
  server.httpAllowHalfOpen = true;
  const { port } = server.address();
  return { url: `http://127.0.0.1:${String(port)}` };
}

process.on('message', (command: Command) => {
  obey(command).then(
    (answer) => process.send?.(answer),
    (error: unknown) =>
      process.send?.({ error: error instanceof Error ? error.stack : String(error) }),
  );
});
// A parent that is gone, however it went, leaves no process behind.
process.on('disconnect', () => process.exit());
process.send?.({});
