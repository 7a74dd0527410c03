import type { DataSource } from 'typeorm';
import type { AbstractAuthToken } from './abstract-auth-token.entity.ts';
import type { Statement } from './databases/database.ts';
import type { OwnerKey } from './owner.schema.ts';
import type { TokenSchema } from './token.schema.ts';

/**
 * All the SQL that changes tokens, made from the entity's metadata. Instants go in as epoch
 * milliseconds. No statement is without a WHERE.
 */
export class TokenStatements {
  readonly #dataSource: DataSource;
  readonly #schema: TokenSchema;
  readonly #skipLocked: string;

  constructor(dataSource: DataSource, schema: TokenSchema, locksRows: boolean) {
    this.#dataSource = dataSource;
    this.#schema = schema;
    this.#skipLocked = locksRows ? ' FOR UPDATE SKIP LOCKED' : '';
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
    return this.#statement(
      `SELECT COUNT(*) AS ${this.#escape('total')} FROM ${table} ` +
        `WHERE ${column.user} = ? AND (${column.expiry} IS NULL OR ${column.expiry} > ?)`,
      [owner, now],
    );
  }

  /**
   * Moves an expiry forward; never a revoked token's, which is not there, nor an expired one's, nor
   * one that another request has refreshed meanwhile.
   */
  refresh(digest: string, expiry: number, now: number, minGain: number): Statement {
    const { table, column } = this.#schema;
    return this.#statement(
      `UPDATE ${table} SET ${column.expiry} = ? ` +
        `WHERE ${column.digest} = ? AND ${column.expiry} > ? AND ${column.expiry} < ?`,
      [expiry, digest, now, expiry - minGain],
    );
  }

  delete(digests: readonly string[]): Statement {
    const { table, column } = this.#schema;
    const list = digests.map(() => '?').join(', ');
    return this.#statement(`DELETE FROM ${table} WHERE ${column.digest} IN (${list})`, digests);
  }

  ownedDigests(owner: OwnerKey): Statement {
    const { table, column } = this.#schema;
    return this.#statement(`SELECT ${this.#digest()} FROM ${table} WHERE ${column.user} = ?`, [
      owner,
    ]);
  }

  expiredDigests(owner: OwnerKey | null, now: number, limit: number): Statement {
    const { table, column } = this.#schema;
    const ofOwner = owner === null ? '' : `${column.user} = ? AND `;
    return this.#statement(
      `SELECT ${this.#digest()} FROM ${table} WHERE ${ofOwner}${column.expiry} <= ? ` +
        `LIMIT ${String(limit)}${this.#skipLocked}`,
      owner === null ? [now] : [owner, now],
    );
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
