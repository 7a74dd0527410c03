import { Module, type INestApplication, type ModuleMetadata } from '@nestjs/common';
import { ExpressAdapter } from '@nestjs/platform-express';
import { Test } from '@nestjs/testing';
import { TypeOrmModule, type TypeOrmModuleOptions } from '@nestjs/typeorm';
import { DataSource, type QueryRunner } from 'typeorm';
import { AuthToken, KnoxModule, TokenService, type KnoxModuleOptions } from '../../lib/index.ts';
import { MeController, PASSWORD } from './app.ts';
import { createDatabase, type DatabaseName } from './databases.ts';
import { HttpClient, type Answer } from './http-client.ts';
import { LogRecorder } from './log-recorder.ts';
import { Proxy } from './proxy.ts';
import { User } from './users.ts';

/** The option `authTimeout`, in milliseconds. */
export const AUTH_TIMEOUT_MS = 1_000;

/** The time that a busy machine may add, in milliseconds. */
export const TOLERANCE_MS = 1_500;

/** The size of the application's pool. */
export const POOL_SIZE = 3;

interface FaultyAppOptions {
  database: DatabaseName;
  knox?: Partial<KnoxModuleOptions>;
  dataSource?: TypeOrmModuleOptions;
  entities?: (new () => object)[];
  controllers?: NonNullable<ModuleMetadata['controllers']>;
  imports?: NonNullable<ModuleMetadata['imports']>;
  /** A connection pooler between the proxy and the database server. */
  pooler?: { host: string; port: number };
  /** Is called before the application starts. */
  prepare?: (proxy: Proxy) => void;
}

/** An application whose connections to the database a test can break. */
export interface FaultyApp {
  readonly app: INestApplication;
  readonly client: HttpClient;
  readonly log: LogRecorder;
  readonly tokens: TokenService;
  /** The application's data source, through the proxy. */
  readonly dataSource: DataSource;
  /** One connection that bypasses the proxy, for preparing and for checks. */
  readonly direct: DataSource;
  /** Undefined with SQLite. */
  readonly proxy: Proxy;
  readonly john: User;
  me(token: string): Promise<Answer>;
  login(): Promise<Answer>;
  /** Makes a token for John without a login and its clean-up. Gives the raw token. */
  newToken(): Promise<string>;
  /** Opens another connection that bypasses the proxy. It can hold locks while `direct` is used for checks. */
  lockingConnection(): Promise<QueryRunner>;
  /** How many rows the token table has. */
  rows(): Promise<number>;
  /** How many connections the database server has, without the direct one. */
  serverConnections(): Promise<number>;
  close(): Promise<void>;
}

/** Verifies credentials without the database, so that only the package's statements meet the faults. */
export async function startFaultyApp(options: FaultyAppOptions): Promise<FaultyApp> {
  const { database: name, knox, entities = [User, AuthToken] } = options;
  const { controllers = [], imports = [] } = options;
  const database = await createDatabase(name);
  const direct = await new DataSource({
    ...database.options,
    entities,
    synchronize: true,
    ...poolOf(name, 1),
  }).initialize();
  const target = options.pooler ?? (database.options as never);
  const proxy = name === 'sqlite' ? undefined : await Proxy.start(target);
  const users = direct.getRepository(User);
  const john = await users.save(
    users.create({ username: 'john.doe', password: PASSWORD, isActive: true }),
  );
  const log = new LogRecorder();
  const lockingSources: DataSource[] = [];
  if (proxy) options.prepare?.(proxy);

  @Module({
    imports: [
      TypeOrmModule.forRoot({
        ...database.options,
        ...(proxy && { host: '127.0.0.1', port: proxy.port }),
        ...poolOf(name, POOL_SIZE),
        entities,
        retryAttempts: 1,
        ...options.dataSource,
      } as TypeOrmModuleOptions),
      KnoxModule.forRoot({
        verifyCredentials: (_, password) => (password === PASSWORD ? john : null),
        authTimeout: AUTH_TIMEOUT_MS,
        ...knox,
      }),
      ...imports,
    ],
    controllers: [MeController, ...controllers],
  })
  class AppModule {}

  const testing = await Test.createTestingModule({ imports: [AppModule] })
    .setLogger(log)
    .compile();
  const app = testing.createNestApplication(new ExpressAdapter(), { logger: log });
  await app.listen(0, '127.0.0.1');
  const client = new HttpClient(await app.getUrl());
  const tokens = app.get(TokenService);
  const login = (): Promise<Answer> =>
    client.post('/auth/login', { body: { username: 'john.doe', password: PASSWORD } });
  return {
    app,
    client,
    log,
    tokens,
    dataSource: app.get(DataSource),
    direct,
    proxy: proxy as Proxy,
    john,
    me: (token) => client.get('/me', { token }),
    login,
    async lockingConnection() {
      const source = await new DataSource({
        ...database.options,
        entities,
        ...poolOf(name, 1),
      }).initialize();
      lockingSources.push(source);
      return source.createQueryRunner();
    },
    newToken: async () => (await tokens.create(john)).token,
    async rows() {
      const [row] = await direct.query('SELECT COUNT(*) AS total FROM knox_auth_token');
      return Number(row.total);
    },
    async serverConnections() {
      const [row] = await direct.query(CONNECTIONS[name]);
      return Number(row.total);
    },
    async close() {
      for (const source of lockingSources) await source.destroy();
      await app.close();
      proxy?.shutDown();
      await direct.destroy();
      await database.drop();
    },
  };
}

function poolOf(name: DatabaseName, size: number): object {
  return name === 'sqlite' ? {} : { poolSize: size };
}

export const CONNECTIONS: Record<DatabaseName, string> = {
  sqlite: 'SELECT 0 AS total',
  postgres:
    'SELECT COUNT(*) AS total FROM pg_stat_activity ' +
    'WHERE datname = current_database() AND pid <> pg_backend_pid()',
  mariadb:
    'SELECT COUNT(*) AS total FROM information_schema.processlist ' +
    'WHERE db = DATABASE() AND id <> CONNECTION_ID()',
};
