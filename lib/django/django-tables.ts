import { Logger } from '@nestjs/common';
import type { DataSource, EntityMetadata, QueryRunner } from 'typeorm';
import { KnoxConfigError } from '../options/knox-config.error.ts';
import { TOKEN_KEY_LENGTH } from '../tokens/token.ts';

const logger = new Logger('KnoxModule');

/** A table as the database has it: its columns' types, in lower case, by their names. */
type Columns = ReadonlyMap<string, string>;

/** The type that Django's migrations give a DateTimeField. */
const INSTANT_TYPES: Readonly<Record<string, string>> = {
  postgres: 'timestamp with time zone',
  mariadb: 'datetime(6)',
  mysql: 'datetime(6)',
  'better-sqlite3': 'datetime',
};

const MIGRATE =
  'run `python manage.py migrate knox` with django-rest-knox 5, up to 0009_extend_authtoken_field';

/**
 * Whether the tables are those of Django and of knox 5, with what the entities map.
 *
 * @throws KnoxConfigError that says what is missing, and where
 */
export async function checkDjangoTables(
  dataSource: DataSource,
  token: EntityMetadata,
  owner: EntityMetadata,
): Promise<void> {
  const runner = dataSource.createQueryRunner('master');
  try {
    checkTokens(dataSource, token, await columnsOf(dataSource, runner, token));
    checkOwners(dataSource, owner, await columnsOf(dataSource, runner, owner));
  } finally {
    await runner.release();
  }
}

function checkTokens({ options }: DataSource, token: EntityMetadata, found: Columns): void {
  const table = token.tablePath;
  if (token.synchronize) {
    refuse(
      `TypeORM would alter Django's table; write @Entity({ name: '${table}', synchronize: false }).`,
    );
  }
  if (found.size === 0) refuse(`the database has no table ${table}; ${MIGRATE}.`);
  const missing = missingIn(found, token);
  if (missing !== undefined) refuse(`the table ${table} has no column ${missing}; ${MIGRATE}.`);
  if (found.has('salt')) {
    refuse(`the table ${table} has a column salt, as knox had it before version 5; ${MIGRATE}.`);
  }
  const width = Number(/\((\d+)\)/.exec(found.get('token_key') ?? '')?.[1] ?? Infinity);
  if (width < TOKEN_KEY_LENGTH) {
    refuse(`the column ${table}.token_key is only ${String(width)} wide; ${MIGRATE}.`);
  }
  const expected = INSTANT_TYPES[options.type];
  for (const name of ['created', 'expiry']) {
    const type = found.get(name);
    if (type === expected) continue;
    refuse(
      `the column ${table}.${name} is of type ${String(type)}, and not ${String(expected)}; ${MIGRATE}.`,
    );
  }
}

function checkOwners({ options }: DataSource, owner: EntityMetadata, found: Columns): void {
  const table = owner.tablePath;
  if (options.synchronize && owner.synchronize) {
    // An application may have made the table its own; but Django's would have lost columns by now.
    logger.warn(
      `\`synchronize\` is on, and makes the table ${table} what the entity ${owner.name} says. If it is ` +
        `Django's, write @Entity({ name: '${table}', synchronize: false }).`,
    );
  }
  if (found.size === 0) {
    refuse(
      `the database has no table ${table}, where its owner ${owner.name} is to be; name the table of ` +
        `Django's AUTH_USER_MODEL in @Entity({ name: …, synchronize: false }).`,
    );
  }
  const missing = missingIn(found, owner);
  if (missing === undefined) return;
  refuse(
    `the table ${table} has no column ${missing}, which its owner ${owner.name} maps; write an entity ` +
      'with the columns that are there, and give it to djangoAuthToken(() => …).',
  );
}

function missingIn(found: Columns, { columns }: EntityMetadata): string | undefined {
  return columns
    .filter(({ isVirtualProperty }) => !isVirtualProperty)
    .map(({ databaseName }) => databaseName)
    .find((name) => !found.has(name));
}

/** The columns of an entity's table, found as a query of that name would find it; none: no table. */
async function columnsOf(
  { driver, options }: DataSource,
  runner: QueryRunner,
  entity: EntityMetadata,
): Promise<Columns> {
  const path = entity.tablePath.split('.');
  const escaped = path.map((name) => driver.escape(name)).join('.');
  const [sql, parameters] = queryFor(options.type, escaped, path);
  const rows = (await runner.query(sql, parameters)) as { name: string; type: string }[];
  return new Map(rows.map((row) => [row.name, row.type.toLowerCase()]));
}

function queryFor(
  type: string,
  escaped: string,
  path: string[],
): [sql: string, parameters: unknown[]] {
  const [table, schema = null] = [...path].reverse();
  if (type === 'postgres') {
    const sql =
      'SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute ' +
      'WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped';
    return [sql, [escaped]];
  }
  if (type === 'better-sqlite3') {
    return ['SELECT name, type FROM pragma_table_info(?)', [table]];
  }
  const sql =
    'SELECT COLUMN_NAME AS name, COLUMN_TYPE AS type FROM INFORMATION_SCHEMA.COLUMNS ' +
    'WHERE TABLE_SCHEMA = COALESCE(?, DATABASE()) AND TABLE_NAME = ?';
  return [sql, [schema, table]];
}

function refuse(problem: string): never {
  throw new KnoxConfigError('tokenEntity', problem);
}
