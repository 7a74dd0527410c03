import type { DataSource } from 'typeorm';
import { LAST_INSTANT } from '../tokens/expiry.ts';
import type { AbstractAuthToken } from './abstract-auth-token.entity.ts';
import type { Database, Statement } from './databases/database.ts';
import type { OwnerKey } from './owner.schema.ts';
import type { TokenSchema } from './token.schema.ts';

/**
 * All the SQL that changes tokens, made from the entity's metadata. Instants go in as epoch
 * milliseconds. No statement is without a WHERE.
 */
export class TokenStatements {
  readonly #dataSource: DataSource;
  readonly #schema: TokenSchema;
  readonly #database: Database;

  constructor(dataSource: DataSource, schema: TokenSchema, database: Database) {
    this.#dataSource = dataSource;
    this.#schema = schema;
    this.#database = database;
  }

  insert(token: AbstractAuthToken): Statement {
    const [sql, parameters] = this.#dataSource
      .createQueryBuilder()
      .insert()
      .into(this.#schema.metadata.target)
      .values(token)
      .updateEntity(false)
      .getQueryAndParameters();
    return { sql, parameters };
  }

  countUnexpired(owner: OwnerKey, now: number): Statement {
    const { table, column } = this.#schema;
    const own = this.#equals(column.user, owner);
    return this.#statement(
      `SELECT COUNT(*) AS ${this.#escape('total')} FROM ${table} ` +
        `WHERE ${own.sql} AND (${column.expiry} IS NULL OR ${column.expiry} > ? ` +
        // What no Date can hold is expired, as authentication has it.
        `AND ${column.expiry} <= ${String(LAST_INSTANT)})`,
      [...own.parameters, now],
    );
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
        `WHERE ${same.sql} AND ${column.expiry} > ? AND ${column.expiry} < ?`,
      [expiry, ...same.parameters, now, expiry - minGain],
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

  expiredDigests(owner: OwnerKey | null, now: number, limit: number): Statement {
    const { table, column } = this.#schema;
    const own = owner === null ? null : this.#equals(column.user, owner);
    const skipLocked = this.#database.locksRows ? ' FOR UPDATE SKIP LOCKED' : '';
    return this.#statement(
      `SELECT ${this.#digest()} FROM ${table} ` +
        `WHERE ${own ? `${own.sql} AND ` : ''}` +
        `(${column.expiry} <= ? OR ${column.expiry} > ${String(LAST_INSTANT)}) ` +
        `LIMIT ${String(limit)}${skipLocked}`,
      [...(own?.parameters ?? []), now],
    );
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
