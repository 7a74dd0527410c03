// Users, roles and tokens, inserted by SQL: the same rows on every database, derived from their numbers as in credentials.ts.
import { createHash } from 'node:crypto';
import { getMigrations } from 'better-auth/db/migration';
import { AuthToken } from 'nestjs-knox';
import { DataSource, type DataSourceOptions } from 'typeorm';
import { betterAuthOf } from './better-auth.config.ts';
import { rawToken, userNameOf, userOf, type Tokens } from './credentials.ts';
import { Role, ROLES_PER_USER, User } from './servers/roles.entities.ts';
import { ABILITY, BenchSessionToken } from './servers/session-token.entity.ts';

const DAY_MS = 24 * 60 * 60 * 1000;
const ROLES = 10;

export const FULL_DATA: Tokens = { from: 1, to: 100_000, firstUser: 1, users: 10_000 };
/** For quick runs, which spend their time on the guards. */
export const QUICK_DATA: Tokens = { from: 1, to: 10_000, firstUser: 1, users: 1000 };
export const SMOKE_DATA: Tokens = { from: 1, to: 1000, firstUser: 1, users: 100 };

/** Runs `work` with a data source of the tables, which are made if they are missing. */
export async function withSchema<T>(
  database: DataSourceOptions,
  work: (dataSource: DataSource) => Promise<T>,
  tokenEntity: new () => object = AuthToken,
): Promise<T> {
  const dataSource = await new DataSource({
    ...database,
    entities: [User, Role, tokenEntity],
    synchronize: true,
  }).initialize();
  try {
    return await work(dataSource);
  } finally {
    await dataSource.destroy();
  }
}

/** Inserts the users, and gives roles to each. */
export async function insertUsers(dataSource: DataSource, from: number, to: number): Promise<void> {
  const { type } = dataSource.options;
  if (type === 'postgres') {
    await dataSource.query(
      `INSERT INTO users (id, username, "isActive") SELECT i, 'user-' || i, true FROM generate_series($1::int, $2::int) i`,
      [from, to],
    );
  } else if (type === 'mariadb') {
    await dataSource.query(
      `INSERT INTO users (id, username, isActive) SELECT seq, CONCAT('user-', seq), 1 FROM seq_${from}_to_${to}`,
    );
  } else {
    await inChunks(dataSource, 'users (id, username, isActive)', from, to, (id) => [
      id,
      userNameOf(id),
      1,
    ]);
  }
  for (let index = 0; index < ROLES_PER_USER; index += 1) {
    await dataSource.query(
      `INSERT INTO user_roles (user_id, role_id)
       SELECT id, 1 + (id + ${index}) % ${ROLES} FROM users WHERE id BETWEEN ${from} AND ${to}`,
    );
  }
}

async function insertRoles(dataSource: DataSource): Promise<void> {
  const roles = Array.from({ length: ROLES }, (_, index) => ({
    id: index + 1,
    name: `role-${index + 1}`,
  }));
  await dataSource.getRepository(Role).insert(roles);
}

export async function insertTokens(dataSource: DataSource, tokens: Tokens): Promise<void> {
  const { from, to, firstUser, users, expired = false } = tokens;
  const { type } = dataSource.options;
  const created = Date.now() - (expired ? 2 * DAY_MS : 0);
  const expiry = created + DAY_MS;
  const table = 'knox_auth_token (digest, token_key, created, expiry, ttl, user_id)';
  if (type === 'postgres') {
    await dataSource.query(
      `INSERT INTO ${table}
       SELECT encode(sha512(convert_to(token, 'UTF8')), 'hex'), left(token, 15), $1::bigint, $2::bigint, NULL,
              $5::int + (i - $3::int) % $6::int
       FROM (SELECT i, encode(sha256(convert_to('token-' || i, 'UTF8')), 'hex') AS token
             FROM generate_series($3::int, $4::int) i) numbered`,
      [created, expiry, from, to, firstUser, users],
    );
  } else if (type === 'mariadb') {
    await dataSource.query(
      `INSERT INTO ${table}
       SELECT SHA2(token, 512), LEFT(token, 15), ?, ?, NULL, ? + (seq - ?) % ?
       FROM (SELECT seq, SHA2(CONCAT('token-', seq), 256) AS token FROM seq_${from}_to_${to}) numbered`,
      [created, expiry, firstUser, from, users],
    );
  } else {
    await inChunks(dataSource, table, from, to, (number) => {
      const token = rawToken(number);
      const digest = createHash('sha512').update(token).digest('hex');
      return [digest, token.slice(0, 15), created, expiry, null, userOf(number, tokens)];
    });
  }
}

/** Makes the tables, with the users, their roles and their tokens. */
export function fillTables(database: DataSourceOptions, ...groups: Tokens[]): Promise<void> {
  return withSchema(database, async (dataSource) => {
    await insertRoles(dataSource);
    await insertUsers(
      dataSource,
      1,
      Math.max(...groups.map(({ firstUser, users }) => firstUser + users - 1)),
    );
    for (const tokens of groups) await insertTokens(dataSource, tokens);
    await settleTables(dataSource);
  });
}

/** Makes a table of the same tokens with the columns of all features. */
export function fillSessions(database: DataSourceOptions): Promise<void> {
  const columns = 'digest, token_key, created, expiry, ttl, user_id';
  const copy = `INSERT INTO session_tokens (${columns}, abilities) SELECT ${columns}, '["${ABILITY}"]' FROM knox_auth_token`;
  return withSchema(
    database,
    async (dataSource) => {
      await dataSource.query(copy);
      await settleTables(dataSource);
    },
    BenchSessionToken,
  );
}

/** Updates the planner's statistics now, so that the database does not do it, or vacuum, during a run. */
export async function settleTables(dataSource: DataSource): Promise<void> {
  const { type } = dataSource.options;
  if (type === 'postgres') {
    await dataSource.query('VACUUM ANALYZE');
    await dataSource.query('CHECKPOINT');
  } else if (type === 'mariadb') {
    await dataSource.query('ANALYZE TABLE users, roles, user_roles, knox_auth_token');
  } else {
    await dataSource.query('ANALYZE');
  }
}

/** Makes better-auth's tables in a PostgreSQL database, with as many users and sessions. */
export async function fillBetterAuth(database: DataSourceOptions, tokens: Tokens): Promise<void> {
  const { options } = betterAuthOf(database);
  const { runMigrations } = await getMigrations(options);
  await runMigrations();
  await (options.database as { end(): Promise<void> }).end();
  const dataSource = await new DataSource(database).initialize();
  try {
    await dataSource.query(
      `INSERT INTO "user" (id, name, email, "emailVerified", "createdAt", "updatedAt")
       SELECT i, 'user-' || i, 'user-' || i || '@example.org', true, now(), now() FROM generate_series(1, $1::int) i`,
      [tokens.users],
    );
    await dataSource.query(
      `INSERT INTO session (id, token, "userId", "expiresAt", "createdAt", "updatedAt", "ipAddress", "userAgent")
       SELECT 'session-' || i, left(encode(sha256(convert_to('session-' || i, 'UTF8')), 'hex'), 32),
              1 + (i - 1) % $2::int, now() + interval '7 days', now(), now(), '127.0.0.1', 'bench'
       FROM generate_series(1, $1::int) i`,
      [tokens.to, tokens.users],
    );
    await settleTables(dataSource);
  } finally {
    await dataSource.destroy();
  }
}

/** For SQLite, which has no SHA-512 and no series. */
async function inChunks(
  dataSource: DataSource,
  table: string,
  from: number,
  to: number,
  rowOf: (number: number) => unknown[],
): Promise<void> {
  const CHUNK = 100;
  await dataSource.transaction(async (manager) => {
    for (let start = from; start <= to; start += CHUNK) {
      const count = Math.min(CHUNK, to - start + 1);
      const rows = Array.from({ length: count }, (_, index) => rowOf(start + index));
      const places = rows.map((row) => `(${row.map(() => '?').join(', ')})`).join(', ');
      await manager.query(`INSERT INTO ${table} VALUES ${places}`, rows.flat());
    }
  });
}
