import type { DataSource } from 'typeorm';
import { POOL_SIZE, type ServerName } from './shared-database.ts';

/** A state in which an application leaves its connections, or in which all of them begin. */
export interface ConnectionState {
  readonly title: string;
  /** What it runs on each pooled connection before it gives it back. */
  readonly left?: readonly string[];
  /** A last statement that fails. The application does not roll back. */
  readonly failing?: string;
  /** What an administrator runs before the application starts: defaults of its database user. */
  readonly defaults?: readonly string[];
  /** Options of its data source. */
  readonly dataSource?: object;
  /** How long a blocked write has to wait, in milliseconds, to outlast a timeout of the state. */
  readonly waitMs?: number;
}

const left = (title: string, ...statements: string[]): ConnectionState => ({
  title,
  left: statements,
});

/** A timeout in which an application can start, and a wait that outlasts it. */
const TIMEOUT_MS = 250;
const WAIT_MS = 400;

/** The states of each database; `account` is the user that the application connects as. */
export const CONNECTION_STATES: Record<
  ServerName,
  (account: string) => readonly ConnectionState[]
> = {
  postgres: (account) => [
    left('an open transaction', 'BEGIN', 'SELECT COUNT(*) FROM members'),
    left(
      'an open transaction that reads a snapshot',
      'BEGIN ISOLATION LEVEL REPEATABLE READ',
      'SELECT COUNT(*) FROM members',
    ),
    left('an open transaction that has written', 'BEGIN', "INSERT INTO notes VALUES ('left')"),
    { title: 'a transaction that has failed', left: ['BEGIN'], failing: 'SELECT 1 / 0' },
    left(
      'REPEATABLE READ as the session’s isolation level',
      'SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL REPEATABLE READ',
    ),
    left(
      'SERIALIZABLE as the session’s isolation level',
      'SET SESSION CHARACTERISTICS AS TRANSACTION ISOLATION LEVEL SERIALIZABLE',
    ),
    left('a session that only reads', 'SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY'),
    left('a lock_timeout', 'SET lock_timeout = 1'),
    left('a statement_timeout', 'SET statement_timeout = 1'),
    left('an idle_in_transaction_session_timeout', 'SET idle_in_transaction_session_timeout = 1'),
    left('an idle_session_timeout', 'SET idle_session_timeout = 1'),
    left('client_encoding LATIN1', "SET client_encoding = 'LATIN1'"),
    left(
      'a temporary table that hides the tokens',
      'CREATE TEMPORARY TABLE member_token (LIKE public.member_token INCLUDING ALL)',
    ),
    left(
      'a temporary table that hides the owners',
      'CREATE TEMPORARY TABLE members (LIKE public.members INCLUDING ALL)',
    ),
    left('a role without rights', 'SET ROLE pg_signal_backend'),
    left('another session user', 'SET SESSION AUTHORIZATION pg_signal_backend'),
    left('another search_path', 'SET search_path TO pg_catalog'),
    left('a DateStyle', "SET DateStyle = 'German'"),
    left('a time zone', "SET TIME ZONE 'Pacific/Chatham'"),
    left('foreign keys off', 'SET session_replication_role = replica'),
    left('no prepared statements', 'DEALLOCATE ALL'),
    left('a session that was reset', 'DISCARD ALL'),
    left('LISTEN, and notifications', 'LISTEN changes', 'NOTIFY changes'),
    left('an advisory lock', 'SELECT pg_advisory_lock(pg_backend_pid())'),
    {
      title: 'timeouts that its data source sets',
      dataSource: {
        extra: {
          statement_timeout: TIMEOUT_MS,
          lock_timeout: 1,
          idle_in_transaction_session_timeout: 1,
        },
      },
      waitMs: WAIT_MS,
    },
    ...Object.entries({
      lock_timeout: '1',
      statement_timeout: String(TIMEOUT_MS),
      idle_in_transaction_session_timeout: '1',
      default_transaction_isolation: "'serializable'",
      client_encoding: "'LATIN1'",
    }).map(([setting, value]) => ({
      title: `${setting} as its role’s default`,
      defaults: [`ALTER ROLE ${account} SET ${setting} = ${value}`],
      waitMs: WAIT_MS,
    })),
  ],
  mariadb: (account) => [
    left('an open transaction', 'START TRANSACTION', 'SELECT COUNT(*) FROM members'),
    left(
      'an open transaction that has written',
      'START TRANSACTION',
      "INSERT INTO notes VALUES ('left')",
    ),
    left(
      'a distributed transaction',
      "EXECUTE IMMEDIATE CONCAT('XA START ''', CONNECTION_ID(), '''')",
    ),
    left('autocommit off', 'SET autocommit = 0'),
    left('completion_type CHAIN', "SET completion_type = 'CHAIN'"),
    left('completion_type RELEASE', "SET completion_type = 'RELEASE'"),
    left('sql_select_limit', 'SET sql_select_limit = 1'),
    left('sql_safe_updates', 'SET sql_safe_updates = 1'),
    left('max_join_size', 'SET max_join_size = 1', 'SET sql_big_selects = 0'),
    left(
      'READ UNCOMMITTED as the session’s isolation level',
      'SET SESSION TRANSACTION ISOLATION LEVEL READ UNCOMMITTED',
    ),
    left(
      'SERIALIZABLE as the session’s isolation level',
      'SET SESSION TRANSACTION ISOLATION LEVEL SERIALIZABLE',
    ),
    left('a session that only reads', 'SET SESSION TRANSACTION READ ONLY'),
    left('innodb_lock_wait_timeout', 'SET innodb_lock_wait_timeout = 0'),
    left('lock_wait_timeout', 'SET lock_wait_timeout = 0'),
    { ...left('max_statement_time', 'SET max_statement_time = 0.001'), waitMs: WAIT_MS },
    left('another character set', 'SET NAMES latin1'),
    left(
      'a temporary table that hides the tokens',
      'CREATE TEMPORARY TABLE member_token AS SELECT * FROM member_token LIMIT 0',
    ),
    left(
      'a temporary table that hides the owners',
      'CREATE TEMPORARY TABLE members AS SELECT * FROM members LIMIT 0',
    ),
    left('no role', 'SET ROLE NONE'),
    left('another database', 'USE information_schema'),
    left('sql_mode PAD_CHAR_TO_FULL_LENGTH', "SET sql_mode = 'PAD_CHAR_TO_FULL_LENGTH'"),
    left('sql_mode NO_BACKSLASH_ESCAPES', "SET sql_mode = 'NO_BACKSLASH_ESCAPES'"),
    left('sql_mode ORACLE', "SET sql_mode = 'ORACLE'"),
    left('a time zone', "SET time_zone = '+12:45'"),
    left('foreign keys off', 'SET foreign_key_checks = 0'),
    left('a named lock', 'SELECT GET_LOCK(CONCAT(CONNECTION_ID()), 0)'),
    left('another table locked', 'LOCK TABLES notes READ'),
    { title: 'a character set of its data source', dataSource: { charset: 'latin1' } },
    {
      title: 'max_statement_time as its account’s default',
      defaults: [`ALTER USER ${account} WITH MAX_STATEMENT_TIME ${TIMEOUT_MS / 1000}`],
      waitMs: WAIT_MS,
    },
  ],
};

/** Takes back the defaults of a database user. */
export const RESET_DEFAULTS: Record<ServerName, (account: string) => string> = {
  postgres: (account) => `ALTER ROLE ${account} RESET ALL`,
  mariadb: (account) => `ALTER USER ${account} WITH MAX_STATEMENT_TIME 0`,
};

/** Has the application leave each connection of its pool in this state. */
export async function leaveConnections(
  dataSource: DataSource,
  { left: statements = [], failing }: ConnectionState,
): Promise<void> {
  const runners = Array.from({ length: POOL_SIZE }, () => dataSource.createQueryRunner());
  // All of them first: a connection that was given back would be taken again.
  for (const runner of runners) await runner.connect();
  for (const runner of runners) {
    for (const sql of statements) await runner.query(sql);
    if (failing !== undefined) await runner.query(failing).catch(() => undefined);
  }
  for (const runner of runners) await runner.release();
}
