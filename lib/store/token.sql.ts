import type { DataSource, EntityMetadata } from 'typeorm';
import { LAST_INSTANT } from '../tokens/expiry.ts';
import type { AbstractAuthToken } from '../entities/abstract-auth-token.entity.ts';
import type { Database, Statement } from '../database/database.ts';
import { withStoredInstants } from '../entities/instant.format.ts';
import { instantTransformer } from '../entities/instant.transformer.ts';
import type { OwnerKey } from './schema/owner.schema.ts';
import type { TokenSchema } from './schema/token.schema.ts';

type ColumnMetadata = EntityMetadata['columns'][number];

/** Whether the table holds it in its own format for instants. */
export function isInstant({ propertyPath }: ColumnMetadata): boolean {
  return propertyPath === 'created' || propertyPath === 'expiry';
}

/** By what the tables are called in a SELECT. */
export const TOKEN_ALIAS = 't';
export const OWNER_ALIAS = 'u';

/**
 * The SQL for one table of tokens, made from the entity's metadata. Instants go in as epoch
 * milliseconds. No statement that changes rows is without a WHERE.
 */
export class TokenStatements {
  readonly #dataSource: DataSource;
  readonly #schema: TokenSchema;
  readonly #database: Database;
  /** The expiry's column, and the SQL of its instant. */
  readonly #expiry: string;
  /** What no Date can hold is expired, as authentication has it. Takes `now` as a parameter. */
  readonly #unexpired: string;
  readonly #skipLocked: string;

  constructor(dataSource: DataSource, schema: TokenSchema, database: Database) {
    this.#dataSource = dataSource;
    this.#schema = schema;
    this.#database = database;
    this.#skipLocked = database.locksRows ? ' FOR UPDATE SKIP LOCKED' : '';
    this.#expiry = schema.instants.toEpochSql(schema.column.expiry);
    this.#unexpired =
      `(${schema.column.expiry} IS NULL OR ${this.#expiry} > ? ` +
      `AND ${this.#expiry} <= ${String(LAST_INSTANT)})`;
  }

  insert(token: AbstractAuthToken): Statement {
    const { metadata, insertColumns: plainColumns } = this.#schema;
    if (plainColumns) {
      const parameters = this.#values(plainColumns, token);
      const list = parameters.map(() => '?').join(', ');
      return this.#statement(`${this.#insertInto(plainColumns)} VALUES (${list})`, parameters);
    }
    const [sql, parameters] = this.#dataSource
      .createQueryBuilder()
      .insert()
      .into(metadata.target)
      .values(withStoredInstants(token, this.#schema.instants))
      .updateEntity(false)
      .getQueryAndParameters();
    return { sql, parameters };
  }

  /** Inserts unless the owner has as many tokens; undefined where that takes two statements. */
  insertWithin(
    token: AbstractAuthToken,
    limit: number,
    owner: OwnerKey,
    now: number,
  ): Statement | undefined {
    const { insertColumns: plainColumns } = this.#schema;
    if (!plainColumns || !this.#database.insertsWithinLimit) return undefined;
    const values = this.#values(plainColumns, token);
    const list = values.map(() => '?').join(', ');
    const count = this.#count(owner, now);
    return this.#statement(
      `${this.#insertInto(plainColumns)} SELECT ${list} WHERE (${count.sql}) < ?`,
      [...values, ...count.parameters, limit],
    );
  }

  countUnexpired(owner: OwnerKey, now: number): Statement {
    const { sql, parameters } = this.#count(owner, now);
    return this.#statement(sql, parameters);
  }

  /** The same, of what is committed by now and of what the transaction has made itself. */
  countCurrent(owner: OwnerKey, now: number): Statement {
    const { sql, parameters } = this.countUnexpired(owner, now);
    return { sql: sql + this.#database.currentReadLock, parameters };
  }

  /**
   * Moves an expiry forward; never a revoked token's, which is not there, nor an expired one's, nor
   * one that another request has refreshed meanwhile.
   */
  refresh(digest: string, expiry: number, now: number, minGain: number): Statement {
    const { table, column } = this.#schema;
    const same = this.#equals(column.digest, digest);
    return this.#statement(
      `UPDATE ${table} SET ${column.expiry} = ? ` +
        `WHERE ${same.sql} AND ${this.#expiry} > ? AND ${this.#expiry} < ?`,
      [this.#schema.instants.toStored(expiry), ...same.parameters, now, expiry - minGain],
    );
  }

  /**
   * The tokens of so many digests with their owners. One is asked for by `=`, for which a database has
   * the cheaper plan.
   */
  selectWithOwner(selection: string, count: number): string {
    const { table, column, owner } = this.#schema;
    const [token, user] = [TOKEN_ALIAS, OWNER_ALIAS].map((alias) => this.#escape(alias));
    const list = Array<string>(count).fill('?').join(', ');
    const many = this.#database.takesArrays ? '= ANY(?)' : `IN (${list})`;
    const { sql } = this.#statement(
      `SELECT ${selection} FROM ${table} ${token} ` +
        `INNER JOIN ${owner.table} ${user} ON ${user}.${owner.key} = ${token}.${column.user} ` +
        `WHERE ${token}.${column.digest} ${count === 1 ? '= ?' : many}`,
      [],
    );
    return sql;
  }

  /** The owner's tokens that are unexpired at `now`, newest first. */
  selectUnexpired(selection: string, user: OwnerKey, now: number): Statement {
    const { table, column, instants } = this.#schema;
    const own = this.#equals(column.user, user);
    return this.#statement(
      `SELECT ${selection} FROM ${table} ${this.#escape(TOKEN_ALIAS)} ` +
        `WHERE ${own.sql} AND ${this.#unexpired} ` +
        `ORDER BY ${instants.toEpochSql(column.created)} DESC, ${column.digest}`,
      [...own.parameters, now],
    );
  }

  /** The owner of this key, unless it is soft-deleted. */
  selectOwner(selection: string, key: OwnerKey): Statement {
    const { owner } = this.#schema;
    const same = owner.hasTextKey
      ? this.#equals(owner.key, key)
      : { sql: `${owner.key} = ?`, parameters: [key] };
    const deletion = owner.deletion === null ? '' : ` AND ${owner.deletion} IS NULL`;
    return this.#statement(
      `SELECT ${selection} FROM ${owner.table} ${this.#escape(OWNER_ALIAS)} ` +
        `WHERE ${same.sql}${deletion}`,
      same.parameters,
    );
  }

  delete(digest: string): Statement {
    const { table, column } = this.#schema;
    const same = this.#equals(column.digest, digest);
    return this.#statement(`DELETE FROM ${table} WHERE ${same.sql}`, same.parameters);
  }

  /** Deletes rows by the digests that a SELECT has found. */
  deleteFound(digests: readonly string[]): Statement {
    const { table, column } = this.#schema;
    const list = digests.map(() => '?').join(', ');
    return this.#statement(`DELETE FROM ${table} WHERE ${column.digest} IN (${list})`, digests);
  }

  ownedDigests(owner: OwnerKey): Statement {
    const { table, column } = this.#schema;
    const own = this.#equals(column.user, owner);
    return this.#statement(
      `SELECT ${this.#digest()} FROM ${table} WHERE ${own.sql}`,
      own.parameters,
    );
  }

  /** The token's digest, its row locked; none where the row is gone, or locked by others. */
  unlockedDigest(digest: string): Statement {
    const same = this.#equals(this.#schema.column.digest, digest);
    return this.#statement(
      `SELECT ${this.#digest()} FROM ${this.#schema.table} WHERE ${same.sql}${this.#skipLocked}`,
      same.parameters,
    );
  }

  expiredDigests(owner: OwnerKey | null, now: number, limit: number): Statement {
    const { table, column } = this.#schema;
    const own = owner === null ? null : this.#equals(column.user, owner);
    return this.#statement(
      `SELECT ${this.#digest()} FROM ${table} ` +
        `WHERE ${own ? `${own.sql} AND ` : ''}` +
        `(${this.#expiry} <= ? OR ${this.#expiry} > ${String(LAST_INSTANT)}) ` +
        `LIMIT ${String(limit)}${this.#skipLocked}`,
      [...(own?.parameters ?? []), now],
    );
  }

  #insertInto(columns: readonly ColumnMetadata[]): string {
    const names = columns.map(({ databaseName }) => this.#escape(databaseName)).join(', ');
    return `INSERT INTO ${this.#schema.table} (${names})`;
  }

  #values(columns: readonly ColumnMetadata[], token: AbstractAuthToken): unknown[] {
    const { driver } = this.#dataSource;
    return columns.map((column) => {
      const value: unknown = column.getEntityValue(token);
      const stored: unknown =
        value instanceof Date && isInstant(column)
          ? this.#schema.instants.toStored(instantTransformer.to(value) as number)
          : driver.preparePersistentValue(value, column);
      return stored ?? null;
    });
  }

  /** With question marks. */
  #count(owner: OwnerKey, now: number): Statement {
    const { table, column } = this.#schema;
    const own = this.#equals(column.user, owner);
    return {
      sql: `SELECT COUNT(*) AS ${this.#escape('total')} FROM ${table} WHERE ${own.sql} AND ${this.#unexpired}`,
      parameters: [...own.parameters, now],
    };
  }

  /** Byte by byte: the first condition finds the row by its index, the second looks closely. */
  #equals(column: string, value: OwnerKey): Statement {
    return typeof value === 'string' && this.#database.comparesLoosely
      ? { sql: `${column} = ? AND ${exactText(column)} = ?`, parameters: [value, value] }
      : { sql: `${column} = ?`, parameters: [value] };
  }

  #digest(): string {
    return `${this.#schema.column.digest} AS ${this.#escape('digest')}`;
  }

  #escape(name: string): string {
    return this.#dataSource.driver.escape(name);
  }

  /** Puts the driver's own placeholders in the place of the question marks. */
  #statement(sql: string, parameters: readonly unknown[]): Statement {
    let index = 0;
    const { driver } = this.#dataSource;
    return {
      sql: sql.replace(/\?/g, () => driver.createParameter('', index++)),
      parameters,
    };
  }
}

/** The bytes of a text column on MariaDB, in UTF-8, as the client sends its parameters. */
export function exactText(column: string): string {
  return `BINARY CONVERT(${column} USING utf8mb4)`;
}
