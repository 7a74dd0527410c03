import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DataSource, type DataSourceOptions } from 'typeorm';

export type DatabaseName = 'sqlite' | 'postgres' | 'mariadb';

/** A new, empty database for one test. */
export interface TestDatabase {
  readonly options: DataSourceOptions;
  drop(): Promise<void>;
}

export const SERVERS: Readonly<Record<'postgres' | 'mariadb', DataSourceOptions>> = {
  postgres: {
    type: 'postgres',
    host: process.env.POSTGRES_HOST ?? '127.0.0.1',
    port: Number(process.env.POSTGRES_PORT ?? 5432),
    username: process.env.POSTGRES_USER ?? 'postgres',
    password: process.env.POSTGRES_PASSWORD ?? '',
    database: process.env.POSTGRES_DB ?? 'test',
    connectTimeoutMS: 2_000,
  },
  mariadb: {
    type: 'mariadb',
    host: process.env.MARIADB_HOST ?? '127.0.0.1',
    port: Number(process.env.MARIADB_PORT ?? 3306),
    username: process.env.MARIADB_USER ?? 'root',
    password: process.env.MARIADB_PASSWORD ?? '',
    connectTimeout: 2_000,
  },
};

/** The databases that are available. The global set-up warns of the others. */
export const DATABASES: readonly DatabaseName[] = [
  'sqlite',
  ...(Object.keys(SERVERS) as DatabaseName[]).filter((name) =>
    process.env.KNOX_TEST_SERVERS?.split(',').includes(name),
  ),
];

/** Each database and each adapter at least once, SQLite on both. */
export const STAGES = (
  [
    ['sqlite', 'express'],
    ['sqlite', 'fastify'],
    ['postgres', 'express'],
    ['mariadb', 'fastify'],
  ] as const
).filter(([database]) => DATABASES.includes(database));

export async function createDatabase(name: DatabaseName): Promise<TestDatabase> {
  if (name === 'sqlite') {
    const folder = mkdtempSync(join(tmpdir(), 'nestjs-knox-'));
    return {
      options: { type: 'better-sqlite3', database: join(folder, 'test.db') },
      drop: async () => rmSync(folder, { recursive: true, force: true }),
    };
  }
  const server = SERVERS[name];
  const database = `knox_${randomUUID().replaceAll('-', '')}`;
  await onServer(server, `CREATE DATABASE ${database}`);
  const force = name === 'postgres' ? ' WITH (FORCE)' : '';
  return {
    options: { ...server, database } as DataSourceOptions,
    drop: () => onServer(server, `DROP DATABASE ${database}${force}`),
  };
}

export async function createSchemas(
  options: DataSourceOptions,
  names: readonly string[],
): Promise<void> {
  const dataSource = await new DataSource(options).initialize();
  for (const name of names) await dataSource.query(`CREATE SCHEMA ${name}`);
  await dataSource.destroy();
}

async function onServer(options: DataSourceOptions, sql: string): Promise<void> {
  const server = await new DataSource(options).initialize();
  try {
    await server.query(sql);
  } finally {
    await server.destroy();
  }
}
