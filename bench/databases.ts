// The databases of a run, filled.
import { join } from 'node:path';
import type { DataSourceOptions } from 'typeorm';
import type { Tokens } from './credentials.ts';
import { fillTables } from './data.ts';
import {
  startMariadb,
  startPostgres,
  temporaryFolder,
  type DatabaseServer,
} from './database-servers.ts';

export const DATABASES = ['postgres', 'mariadb', 'sqlite'] as const;

export type DatabaseName = (typeof DATABASES)[number];

export interface FilledDatabase {
  readonly options: DataSourceOptions;
  /** Undefined for SQLite, which is part of the server under test. */
  readonly databaseServer?: DatabaseServer;
}

/** Starts the database's server, if it has one, and fills a new database. */
export async function prepareDatabase(name: DatabaseName, data: Tokens): Promise<FilledDatabase> {
  const database = await newDatabase(name);
  await fillTables(database.options, data);
  return database;
}

/** Starts the database's server, if it has one, and makes a new database. */
export async function newDatabase(name: DatabaseName): Promise<FilledDatabase> {
  if (name === 'sqlite') {
    const database = join(temporaryFolder(), 'bench.db');
    return { options: { type: 'better-sqlite3', database, enableWAL: true } };
  }
  const databaseServer = await { postgres: startPostgres, mariadb: startMariadb }[name]();
  return { options: await databaseServer.create('bench'), databaseServer };
}
