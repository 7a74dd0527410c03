import { ApolloDriver, type ApolloDriverConfig } from '@nestjs/apollo';
import { Controller, Get, Module, Query, type DynamicModule } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { GraphQLModule } from '@nestjs/graphql';
import { WsAdapter } from '@nestjs/platform-ws';
import { TypeOrmModule } from '@nestjs/typeorm';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { AuthToken, KnoxController, KnoxModule, type LoginContext } from '../lib/index.ts';
import {
  AppProcessController,
  obeyCommands,
  verifyNumberedUser,
} from '../test/support/app-commands.ts';
import type { Serve } from '../test/support/app-process.ts';
import { MeGateway } from '../test/support/me-gateway.ts';
import { User } from '../test/support/users.ts';
import { TokenResolver } from './graphql.resolver.ts';
import { FUZZ_USER } from './users.ts';

/** The program of an application process of the soak. */

/** The answer to GET /stats. */
export interface ProcessStats {
  readonly heapBytes: number;
  readonly longestLagMs: number;
  readonly unhandledRejections: number;
}

const lag = monitorEventLoopDelay({ resolution: 10 });
lag.enable();
let unhandledRejections = 0;
process.on('unhandledRejection', () => unhandledRejections++);

@Controller('auth')
class SessionController extends KnoxController {
  /** The client chooses the lifetime, so that the soak has tokens of all ages. */
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
class SoakController extends AppProcessController {
  @Get('stats')
  stats(@Query('gc') gc?: string): ProcessStats {
    if (gc !== undefined) globalThis.gc!();
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
        verifyCredentials: verifyNumberedUser(password),
        controller: false,
        ...knox,
      }),
      GraphQLModule.forRoot<ApolloDriverConfig>({ driver: ApolloDriver, autoSchemaFile: true }),
    ],
    controllers: [SessionController, SoakController],
    providers: [MeGateway, TokenResolver],
  };
}

obeyCommands(async (options) => {
  const app = await NestFactory.create(appModule(options), { logger: false, abortOnError: false });
  app.useWebSocketAdapter(new WsAdapter(app));
  const server = app.getHttpServer();
  // A keep-alive connection that the server closes just as it is used would be counted as a fault.
  server.keepAliveTimeout = 120_000;
  // The fuzzer closes its half of a connection with its last byte.
  server.httpAllowHalfOpen = true;
  return app;
});
