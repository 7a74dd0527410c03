import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import {
  Body,
  Controller,
  Get,
  HttpCode,
  Module,
  Post,
  Query,
  type DynamicModule,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GraphQLModule } from '@nestjs/graphql';
import { WsAdapter } from '@nestjs/platform-ws';
import { TypeOrmModule } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import {
  KnoxController,
  KnoxModule,
  KnoxSessionsController,
  SessionToken,
  type LoginContext,
} from '../lib/index.ts';
import { KnoxLiveModule } from '../lib/live/index.ts';
import {
  AppProcessController,
  obeyCommands,
  verifyNumberedUser,
} from '../test/support/app-commands.ts';
import type { Serve } from '../test/support/app-process.ts';
import { SqlLog } from '../test/support/sql-log.ts';
import { MeGateway } from '../test/support/me-gateway.ts';
import { User } from '../test/support/users.ts';
import { TokenResolver } from './graphql.resolver.ts';
import { EVICTING_PREFIX, EVICTING_TTL_MS, EvictingToken } from './evicting-token.ts';
import { FAIL_AFTER_MS, LiveGateway } from './live.gateway.ts';
import { FUZZ_USER } from './users.ts';

/** The program of an application process of the soak. */

/** The answer to GET /stats. */
export interface ProcessStats {
  readonly heapBytes: number;
  readonly longestLagMs: number;
  readonly unhandledRejections: number;
  /** How many statements have asked for the status of watched tokens. */
  readonly reads: number;
}

const lag = monitorEventLoopDelay({ resolution: 10 });
lag.enable();
let unhandledRejections = 0;
process.on('unhandledRejection', () => unhandledRejections++);
let reads = 0;

/** The column that only StatusQuery reads under this name. A deletion on MariaDB reads too, long after its login. */
const ASKS_FOR_STATUS = / AS [`"]active[`"]/;

/** Counts statements; it keeps none. */
class ReadCounter extends SqlLog {
  override logQuery(query: string): void {
    if (ASKS_FOR_STATUS.test(query)) reads++;
  }
}

@Controller('auth')
class LoginController extends KnoxController<SessionToken<User>> {
  /** The client chooses the lifetime, so that the soak has tokens of all ages. */
  protected override getTokenTtl(
    context: LoginContext<SessionToken<User>>,
  ): string | number | null {
    const { 'x-ttl': ttl } = context.request.headers;
    return typeof ttl === 'string' ? ttl : (super.getTokenTtl(context) as number);
  }

  protected override getTokenLimitPerUser(
    context: LoginContext<SessionToken<User>>,
  ): number | null {
    return context.user.id === FUZZ_USER ? null : (super.getTokenLimitPerUser(context) as number);
  }
}

@Controller('auth/sessions')
class SessionsController extends KnoxSessionsController<SessionToken<User>> {}

@Controller()
class SoakController extends AppProcessController {
  @Post('consume')
  @HttpCode(200)
  async consume(@Body('token') token: string): Promise<object> {
    return { id: ((await this.tokens.consume(token)).user as User).id };
  }

  @Get('stats')
  stats(@Query('gc') gc?: string): ProcessStats {
    if (gc !== undefined) globalThis.gc!();
    return {
      heapBytes: process.memoryUsage().heapUsed,
      longestLagMs: lag.max / 1e6,
      unhandledRejections,
      reads,
    };
  }
}

function appModule({ database, knox, password }: Serve): DynamicModule {
  @Module({})
  class SoakModule {}

  return {
    module: SoakModule,
    imports: [
      TypeOrmModule.forRoot({
        ...database,
        entities: [User, SessionToken, EvictingToken],
        retryAttempts: 1,
      }),
      KnoxModule.forRoot({
        tokenEntity: SessionToken,
        verifyCredentials: verifyNumberedUser(password),
        controller: false,
        ...knox,
      }),
      KnoxModule.forRoot({
        realm: 'evicting',
        tokenEntity: EvictingToken,
        path: 'evicting',
        sessions: true,
        verifyCredentials: verifyNumberedUser(password),
        ...knox,
        tokenPrefix: EVICTING_PREFIX,
        tokenTtl: EVICTING_TTL_MS,
        tokenLimitPolicy: 'evict-oldest',
      }),
      KnoxLiveModule.forRoot({ failAfter: FAIL_AFTER_MS }),
      GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, autoSchemaFile: true }),
    ],
    controllers: [LoginController, SessionsController, SoakController],
    providers: [MeGateway, LiveGateway, TokenResolver],
  };
}

obeyCommands(async (options) => {
  const app = await NestFactory.create(appModule(options), { logger: false, abortOnError: false });
  new ReadCounter(app.get(DataSource));
  app.useWebSocketAdapter(new WsAdapter(app));
  const server = app.getHttpServer();
  // A keep-alive connection that the server closes just as it is used would be counted as a fault.
  server.keepAliveTimeout = 120_000;
  // The fuzzer closes its half of a connection with its last byte.
  server.httpAllowHalfOpen = true;
  return app;
});
