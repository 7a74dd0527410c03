import { createHash } from 'node:crypto';
import { inspect } from 'node:util';
import { Catch, Controller, Get, Module, UseGuards, type ArgumentsHost } from '@nestjs/common';
import type { INestApplication, LogLevel } from '@nestjs/common';
import { BaseExceptionFilter, HttpAdapterHost, NestFactory } from '@nestjs/core';
import { EventEmitterModule, OnEvent } from '@nestjs/event-emitter';
import { AuthGuard, PassportModule } from '@nestjs/passport';
import { ExpressAdapter } from '@nestjs/platform-express';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { TypeOrmModule, type TypeOrmModuleOptions } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';
import { AuthToken, KnoxModule, type AuthFailedEvent } from '../../lib/index.ts';
import { MeController, type AdapterName } from '../support/app.ts';
import { User } from '../support/users.ts';

/** Everything the application gives out, without the answers to good logins and the output of the process. */
export const captured: string[] = [];

/** Records the value in every form in which an application may write it out. */
export function capture(value: unknown): void {
  captured.push(inspect(value, { depth: Infinity, showHidden: true, maxStringLength: null }));
  if (value instanceof Error) captured.push(value.message, value.stack ?? '');
  try {
    captured.push(JSON.stringify([value]));
  } catch {
    // A cyclic value has no JSON; `inspect` has recorded it.
  }
}

/** The faults that are switched on. */
export const faults = { credentials: '', serializer: false, listener: false, hook: false };

export const hashed = (password: string): string =>
  createHash('sha256').update(password).digest('hex');

@Controller('passport')
@UseGuards(AuthGuard('knox'))
class PassportController {
  @Get()
  get(): string {
    return 'fine';
  }
}

/** Records each exception, as an error tracker of the application would. */
@Catch()
class CapturingFilter extends BaseExceptionFilter {
  override catch(exception: unknown, host: ArgumentsHost): void {
    capture(exception);
    super.catch(exception, host);
  }
}

class Listener {
  @OnEvent('knox.**')
  hear(event: AuthFailedEvent): void {
    capture(event);
    if (faults.listener) throw new Error('The listener fails.');
  }
}

async function verify(dataSource: DataSource, username: string, password: string) {
  if (faults.credentials === 'throw') throw new Error('The users are not to be had.');
  if (faults.credentials === 'hang') return new Promise<never>(() => {});
  const user = await dataSource.getRepository(User).findOneBy({ username });
  return user?.password === hashed(password) ? user : null;
}

interface InstrumentedApp {
  app: INestApplication;
  dataSource: DataSource;
  url: string;
}

/** An application that logs as much as it can, and records what it gives out. */
export async function startInstrumentedApp(
  adapter: AdapterName,
  database: TypeOrmModuleOptions,
): Promise<InstrumentedApp> {
  const found: { dataSource?: DataSource } = {};

  @Module({
    imports: [
      TypeOrmModule.forRoot({
        ...database,
        entities: [User, AuthToken],
        synchronize: true,
        retryAttempts: 1,
        logging: 'all',
        // Log every query as slow. 0 would switch the log of slow queries off.
        maxQueryExecutionTime: -1,
      }),
      EventEmitterModule.forRoot({ wildcard: true }),
      PassportModule,
      KnoxModule.forRoot({
        verifyCredentials: (username, password) => verify(found.dataSource!, username, password),
        authTimeout: 150,
        autoRefresh: true,
        minRefreshInterval: 0,
        tokenLimitPerUser: 5,
        tokenPrefix: 'canary_',
        userSerializer: ({ id }: User) => {
          if (faults.serializer) throw new Error('The serializer fails.');
          return { id };
        },
        isUserActive: ({ isActive }: User) => {
          if (faults.hook) throw new Error('The hook fails.');
          return isActive;
        },
      }),
    ],
    controllers: [MeController, PassportController],
    providers: [Listener],
  })
  class AppModule {}

  const logger: LogLevel[] = ['verbose', 'debug', 'log', 'warn', 'error', 'fatal'];
  const http = adapter === 'fastify' ? new FastifyAdapter() : new ExpressAdapter();
  const app = await NestFactory.create(AppModule, http, { logger, abortOnError: false });
  app.useGlobalFilters(new CapturingFilter(app.get(HttpAdapterHost).httpAdapter));
  await app.listen(0, '127.0.0.1');
  const dataSource = app.get(DataSource);
  found.dataSource = dataSource;
  return { app, dataSource, url: await app.getUrl() };
}
