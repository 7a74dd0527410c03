import type { DataSource } from 'typeorm';
import type { Connection, Row } from '../../database/database.ts';
import type { SqlDialect } from '../../database/sql.dialect.ts';
import { sql, type Sql } from '../../database/sql.ts';
import type { AbstractAuthToken } from '../../entities/abstract-auth-token.entity.ts';
import type { OwnerKey } from '../schema/owner.schema.ts';
import type { TokenSchema } from '../schema/token.schema.ts';
import { OWNER_ALIAS, TOKEN_ALIAS, type TokenSql } from '../token.sql.ts';
import { ColumnReader } from './column.reader.ts';
import type { Hydrate, TokenQuery, TokenRows } from './token.query.ts';

/** The key of the column that says when an owner was soft-deleted. */
const DELETED_AT_KEY = 'deleted_at';

/**
 * The short way from a digest to entities: SQL that is made once, and rows that are read by what the metadata says.
 * It is for entities that are their columns; for all others there is EntityQuery.
 */
export class ColumnQuery<Token extends AbstractAuthToken> implements TokenQuery<Token> {
  readonly maxBatch = 100;
  readonly #sql: TokenSql;
  readonly #tokens: ColumnReader<Token>;
  readonly #owners: ColumnReader<object>;
  readonly #digestKey: string;
  /** Lacks the condition on the digests. */
  readonly #select: Sql;

  constructor(
    dataSource: DataSource,
    schema: TokenSchema,
    tokenSql: TokenSql,
    dialect: SqlDialect,
  ) {
    const { metadata, owner } = schema;
    this.#sql = tokenSql;
    this.#tokens = new ColumnReader(dataSource, metadata, TOKEN_ALIAS, dialect, (column, name) =>
      schema.isInstant(column) ? schema.toEpoch(name) : name,
    );
    this.#owners = new ColumnReader(dataSource, owner.metadata, OWNER_ALIAS, dialect);
    this.#digestKey = this.#tokens.keyOf('digest');
    const deletedAt = owner.deletedAt
      ? sql`, ${dialect.identifier(OWNER_ALIAS)}.${owner.deletedAt} AS ${dialect.identifier(DELETED_AT_KEY)}`
      : sql.empty;
    this.#select = tokenSql.selectWithOwner(
      sql`${this.#tokens.selection}, ${this.#owners.selection}${deletedAt}`,
    );
  }

  /** Whether the entities are such as can be read this way. */
  static supports(dataSource: DataSource, { metadata, owner }: TokenSchema): boolean {
    return (
      ColumnReader.supports(dataSource, metadata, 'user') &&
      ColumnReader.supports(dataSource, owner.metadata, null)
    );
  }

  async load(
    connection: Connection,
    digests: readonly string[],
  ): Promise<ReadonlyMap<string, TokenRows>> {
    const statement = sql`${this.#select}${this.#sql.hasDigestOf(digests)}`;
    const { rows } = await connection.query(statement, true);
    const found = new Map<string, TokenRows>();
    for (const row of rows) found.set(String(row[this.#digestKey]), [row]);
    return found;
  }

  hydration(): Hydrate<Token> {
    return this.#hydrate;
  }

  async find(connection: Connection, digest: string): Promise<Token | null> {
    const rows = (await this.load(connection, [digest])).get(digest);
    return rows ? this.#hydrate(rows) : null;
  }

  async list(connection: Connection, owner: OwnerKey, now: number): Promise<Token[]> {
    const { rows } = await connection.query(
      this.#sql.selectUnexpired(this.#tokens.selection, owner, now),
    );
    return rows.map((row) => this.#tokens.read(row));
  }

  async findOwner(connection: Connection, key: OwnerKey): Promise<object | null> {
    const { rows } = await connection.query(this.#sql.selectOwner(this.#owners.selection, key));
    return rows[0] ? this.#owners.read(rows[0]) : null;
  }

  readonly #hydrate = ([row]: TokenRows): Token => {
    const token = this.#tokens.read(row as Row);
    const isDeleted = ((row as Row)[DELETED_AT_KEY] ?? null) !== null;
    (token as { user: object | null }).user = isDeleted ? null : this.#owners.read(row as Row);
    return token;
  };
}
