import type { DataSource, EntityMetadata, QueryRunner } from 'typeorm';
import { KnoxConfigError } from '../errors/knox-config.error.ts';
import { ZONE_OFFSETS } from '../entities/instant.format.ts';
import { TOKEN_KEY_LENGTH } from '../tokens/token.ts';
import { unsynchronizedError } from './django-entity.check.ts';
import { djangoInstantFormat } from './django-instants.ts';

/** A column in the database. */
interface FoundColumn {
  /** In lower case. */
  readonly type: string;
  /** Whether an INSERT must give a value: the column is NOT NULL and has no default. */
  readonly isRequired: boolean;
}

/** The columns of a table in the database, by name. */
type Columns = ReadonlyMap<string, FoundColumn>;

/** The kinds of keys; a key of one kind cannot be compared with one of another. */
const KEY_KINDS = {
  number: /int|serial/,
  uuid: /uuid/,
  text: /char|text/,
} as const;

/** The column type that Django's migrations give a DateTimeField. */
const INSTANT_TYPES: Readonly<Record<string, string>> = {
  postgres: 'timestamp with time zone',
  mariadb: 'datetime(6)',
  mysql: 'datetime(6)',
  'better-sqlite3': 'datetime',
};

/** How far apart the clocks of two servers may be, in milliseconds. Zones are at least a quarter of an hour apart. */
const MAX_CLOCK_DIFFERENCE_MS = 600_000;

const MIGRATE =
  'run `python manage.py migrate knox` with django-rest-knox 5, up to 0009_extend_authtoken_field';

/**
 * Checks that the tables are those of Django and of knox 5, and have the columns that the entities map.
 *
 * @throws KnoxConfigError that says what is missing and where
 */
export async function validateDjangoSchema(
  dataSource: DataSource,
  token: EntityMetadata,
  owner: EntityMetadata,
): Promise<void> {
  checkSynchronized(dataSource, [token.tablePath, owner.tablePath]);
  const runner = dataSource.createQueryRunner('master');
  try {
    checkTokens(dataSource, token, await columnsOf(dataSource, runner, token));
    checkOwners(dataSource, owner, await columnsOf(dataSource, runner, owner));
    await checkZone(dataSource, runner, token);
  } finally {
    await runner.release();
  }
}

/** Any entity on Django's tables can alter them, also one that is neither token nor owner. */
function checkSynchronized({ entityMetadatas }: DataSource, tables: string[]): void {
  const found = entityMetadatas.find(
    ({ synchronize, tableType, tablePath }) =>
      synchronize && tableType === 'regular' && tables.includes(tablePath),
  );
  if (found) throw unsynchronizedError(found.name, found.tableName);
}

function checkTokens({ options }: DataSource, token: EntityMetadata, found: Columns): void {
  const table = token.tablePath;
  if (found.size === 0) throwConfigError(`the database has no table ${table}; ${MIGRATE}.`);
  const missing = missingIn(found, token);
  if (missing !== undefined)
    throwConfigError(`the table ${table} has no column ${missing}; ${MIGRATE}.`);
  if (found.has('salt')) {
    throwConfigError(
      `the table ${table} has a column salt, as knox had it before version 5; ${MIGRATE}.`,
    );
  }
  const width = Number(/\((\d+)\)/.exec(found.get('token_key')?.type ?? '')?.[1] ?? Infinity);
  if (width < TOKEN_KEY_LENGTH) {
    throwConfigError(`the column ${table}.token_key is only ${String(width)} wide; ${MIGRATE}.`);
  }
  const expected = INSTANT_TYPES[options.type];
  for (const name of ['created', 'expiry']) {
    const type = found.get(name)?.type;
    if (type === expected) continue;
    throwConfigError(
      `the column ${table}.${name} is of type ${String(type)}, and not ${String(expected)}; ${MIGRATE}.`,
    );
  }
  checkRequired(token, found);
}

/** Django's migrations leave no defaults in the database, so an INSERT must give all values. */
function checkRequired({ tablePath, columns }: EntityMetadata, found: Columns): void {
  for (const [name, { isRequired }] of found) {
    if (!isRequired) continue;
    const column = columns.find(({ databaseName }) => databaseName === name);
    if (!column) {
      throwConfigError(
        `the column ${tablePath}.${name} takes no NULL and has no default in the database, and the entity ` +
          'does not map it: no token could be made. Map it in a class that extends djangoAuthToken(…), and ' +
          'give its value to TokenService.create, which createToken of the controller calls.',
      );
    }
    if (column.default === undefined) continue;
    throwConfigError(
      `the column ${tablePath}.${name} has no default in the database, which its entity's ` +
        '@Column({ default: … }) leaves it to; remove that, and give the value when a token is made.',
    );
  }
}

function checkOwners({ driver }: DataSource, owner: EntityMetadata, found: Columns): void {
  const table = owner.tablePath;
  if (found.size === 0) {
    throwConfigError(
      `the database has no table ${table}, where its owner ${owner.name} is to be; name the table of ` +
        `Django's AUTH_USER_MODEL in @Entity({ name: …, synchronize: false }).`,
    );
  }
  const missing = missingIn(found, owner);
  if (missing !== undefined) {
    throwConfigError(
      `the table ${table} has no column ${missing}, which its owner ${owner.name} maps; write an entity ` +
        'with the columns that are there, and give it to djangoAuthToken(() => …).',
    );
  }
  for (const column of owner.primaryColumns) {
    const type = found.get(column.databaseName)?.type ?? '';
    const mapped = driver.normalizeType(column);
    const [kind, mappedKind] = [keyKind(type), keyKind(mapped)];
    if (kind === undefined || mappedKind === undefined || kind === mappedKind) continue;
    throwConfigError(
      `the key ${table}.${column.databaseName} is of type ${type}, which its owner ${owner.name} maps as ` +
        `${mapped}; write an entity with a key of that type, and give it to djangoAuthToken(() => …).`,
    );
  }
}

/** A token that was made later than now was written in local time, east of UTC. West of UTC nothing can be seen. */
async function checkZone(
  dataSource: DataSource,
  runner: QueryRunner,
  { tablePath }: EntityMetadata,
): Promise<void> {
  const format = djangoInstantFormat(dataSource);
  if (format.hasZone) return;
  const now = Date.now();
  const range = [now + MAX_CLOCK_DIFFERENCE_MS, now + ZONE_OFFSETS.mostEast].map((at) =>
    format.toStored(at),
  );
  const table = escapedPath(dataSource, tablePath);
  const sql = `SELECT 1 FROM ${table} WHERE created > ? AND created <= ? LIMIT 1`;
  const found = (await runner.query(sql, range)) as unknown[];
  if (found.length === 0) return;
  throwConfigError(
    `the table ${tablePath} has a token that was made later than now. Its instants must be in UTC; in Django, set ` +
      'USE_TZ = True and no TIME_ZONE in DATABASES, or correct the clock of one of the servers.',
  );
}

function keyKind(type: string): string | undefined {
  return Object.entries(KEY_KINDS).find(([, pattern]) => pattern.test(type))?.[0];
}

function missingIn(found: Columns, { columns }: EntityMetadata): string | undefined {
  return columns
    .filter(({ isVirtualProperty }) => !isVirtualProperty)
    .map(({ databaseName }) => databaseName)
    .find((name) => !found.has(name));
}

/** The columns of the table that a query of that name would find; empty if there is no table. */
async function columnsOf(
  dataSource: DataSource,
  runner: QueryRunner,
  entity: EntityMetadata,
): Promise<Columns> {
  const path = entity.tablePath.split('.');
  const escaped = escapedPath(dataSource, entity.tablePath);
  const [sql, parameters] = queryFor(dataSource.options.type, escaped, path);
  const rows = (await runner.query(sql, parameters)) as {
    name: string;
    type: string;
    required: unknown;
  }[];
  return new Map(
    rows.map(({ name, type, required }) => [
      name,
      // Depending on the driver, `required` is a boolean, a number, or a number as text.
      { type: type.toLowerCase(), isRequired: Number(required) === 1 },
    ]),
  );
}

function escapedPath({ driver }: DataSource, tablePath: string): string {
  return tablePath
    .split('.')
    .map((name) => driver.escape(name))
    .join('.');
}

function queryFor(
  type: string,
  escaped: string,
  path: string[],
): [sql: string, parameters: unknown[]] {
  const [table, schema = null] = [...path].reverse();
  if (type === 'postgres') {
    const sql =
      'SELECT attname AS name, format_type(atttypid, atttypmod) AS type, ' +
      "attnotnull AND NOT atthasdef AND attidentity = '' AS required FROM pg_attribute " +
      'WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped';
    return [sql, [escaped]];
  }
  if (type === 'better-sqlite3') {
    const sql =
      'SELECT name, type, "notnull" AND dflt_value IS NULL AND pk = 0 AS required FROM pragma_table_info(?)';
    return [sql, [table]];
  }
  const sql =
    'SELECT COLUMN_NAME AS name, COLUMN_TYPE AS type, ' +
    "IS_NULLABLE = 'NO' AND COLUMN_DEFAULT IS NULL AND EXTRA = '' AS required " +
    'FROM INFORMATION_SCHEMA.COLUMNS ' +
    'WHERE TABLE_SCHEMA = COALESCE(?, DATABASE()) AND TABLE_NAME = ?';
  return [sql, [schema, table]];
}

function throwConfigError(problem: string): never {
  throw new KnoxConfigError('tokenEntity', problem);
}
