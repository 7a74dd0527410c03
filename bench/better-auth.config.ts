import { betterAuth } from 'better-auth';
import { bearer } from 'better-auth/plugins';
import pg from 'pg';
import type { DataSourceOptions } from 'typeorm';
import { SECRET } from './credentials.ts';

/** On PostgreSQL, with a pool of pg's default size, which is TypeORM's too. */
export function betterAuthOf(database: DataSourceOptions) {
  const { host, port, username, password, database: name } = database as Record<string, any>;
  return betterAuth({
    baseURL: 'http://127.0.0.1',
    secret: SECRET,
    database: new pg.Pool({ host, port, user: username, password, database: name }),
    emailAndPassword: { enabled: true },
    plugins: [bearer()],
    telemetry: { enabled: false },
  });
}
