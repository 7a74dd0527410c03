import { existsSync, readFileSync } from 'node:fs';
import type { TypeOrmModuleOptions } from '@nestjs/typeorm';
import { DataSource } from 'typeorm';

/** Rows that a real django-rest-knox wrote, and their raw tokens. */
const FIXTURE =
  process.env.FIXTURE ??
  new URL('../../../test/fixtures/django-rest-knox', import.meta.url).pathname;

/** Django's database: the one that DATABASE_URL names, or an SQLite file made of the fixture. */
export async function databaseOptions(): Promise<TypeOrmModuleOptions> {
  const url = process.env.DATABASE_URL;
  if (url !== undefined) return { type: 'postgres', url };
  const options = {
    type: 'better-sqlite3',
    database: process.env.DATABASE ?? 'django.db',
    enableWAL: true,
  } as const;
  if (!existsSync(options.database)) await load(options);
  return options;
}

async function load(options: ConstructorParameters<typeof DataSource>[0]): Promise<void> {
  const dataSource = await new DataSource(options).initialize();
  const statements = readFileSync(`${FIXTURE}/sqlite.sql`, 'utf8').trim().split(/;$/m);
  for (const statement of statements.slice(0, -1)) await dataSource.query(statement);
  await dataSource.destroy();
}

/** The raw token of a kind, as Django gave it to a client. */
export function djangoToken(kind: string): string {
  const { tokens } = JSON.parse(readFileSync(`${FIXTURE}/tokens.json`, 'utf8')) as {
    tokens: { kind: string; token: string }[];
  };
  const found = tokens.find((one) => one.kind === kind);
  if (!found) throw new Error(`The fixture has no token of kind ${kind}.`);
  return found.token;
}
