import type {
  DynamicModule,
  INestApplicationContext,
  LoggerService,
  ModuleMetadata,
} from '@nestjs/common';
import { Test } from '@nestjs/testing';
import { getDataSourceToken, TypeOrmModule } from '@nestjs/typeorm';
import {
  AuthToken,
  KnoxModule,
  type KnoxModuleAsyncOptions,
  type KnoxModuleOptions,
} from '../../lib/index.ts';
import type { DataSource, DataSourceOptions } from 'typeorm';
import { LogRecorder } from './log-recorder.ts';
import { User } from './users.ts';

const running: INestApplicationContext[] = [];
/** Errors of modules that did not start. */
const startErrors = new Set<unknown>();

/** For tests in which nobody logs in. */
export const verifyCredentials = () => null;

/** KnoxModule with `verifyCredentials`, unless the options have their own. */
export function knox(options: KnoxModuleOptions = {}): DynamicModule {
  return KnoxModule.forRoot({ verifyCredentials, ...options });
}

/** KnoxModule.forRootAsync; by default its factory gives `verifyCredentials` only. */
export function knoxAsync(options: Partial<KnoxModuleAsyncOptions> = {}): DynamicModule {
  return KnoxModule.forRootAsync({ useFactory: () => ({ verifyCredentials }), ...options });
}

/** A TypeOrmModule with an SQLite database in memory. */
export function memoryDatabase(
  options: { name?: string; entities?: DataSourceOptions['entities'] } = {},
) {
  return TypeOrmModule.forRoot({
    type: 'better-sqlite3',
    database: ':memory:',
    synchronize: true,
    retryAttempts: 1,
    entities: [User, AuthToken],
    ...options,
  });
}

/** Starts a module without HTTP: all that an application does before it listens. */
export async function startModule(
  metadata: ModuleMetadata,
  logger?: LoggerService,
): Promise<INestApplicationContext> {
  const builder = Test.createTestingModule(metadata);
  if (logger) builder.setLogger(logger);
  const module = await builder.compile();
  running.push(module);
  return module.init().catch((error: unknown) => {
    startErrors.add(error);
    throw error;
  });
}

/** Starts a module that must fail. Gives its error, and prints no log. */
export async function startError(metadata: ModuleMetadata): Promise<Error> {
  const starting = startModule(metadata, new LogRecorder());
  const outcome: unknown = await starting.catch((error: unknown) => error);
  if (outcome instanceof Error) return outcome;
  throw new Error('The module started.');
}

/** Saves a user in the data source of this name. Default: the default one. */
export function saveUser(module: INestApplicationContext, dataSource?: string): Promise<User> {
  const users = module.get<DataSource>(getDataSourceToken(dataSource)).getRepository(User);
  return users.save(users.create({ username: 'john.doe', password: 'hunter2' }));
}

/** Closes all modules that the test has started. To be called in `afterEach`. */
export async function closeModules(): Promise<void> {
  const close = (module: INestApplicationContext) =>
    module.close().catch((error: unknown) => {
      // NestJS 11 closes no module that has failed to start, but throws that error again.
      if (!startErrors.has(error)) throw error;
    });
  await Promise.all(running.splice(0).map(close));
}
