import type { DataSource } from 'typeorm';
import type { Connection, Row } from '../../database/database.ts';
import type { SqlDialect } from '../../database/sql.dialect.ts';
import { render, sql } from '../../database/sql.ts';
import type { TokenSchema } from '../schema/token.schema.ts';
import { DigestQuery } from './digest.query.ts';
import { hydration } from './entity.reader.ts';
import { MAX_BATCH, type Hydrate, type TokenQuery, type TokenRows } from './token.query.ts';

/** What says whether a token is good. The whole token says it too. */
export interface TokenStatus {
  readonly digest: string;
  readonly expiry: Date | null;
  /** Null if the owner is soft-deleted. Of others, the `isActive` column at least. */
  readonly user: object | null;
}

/** The names of the tables in the SELECT. */
const TOKEN = 't';
const OWNER = 'u';

type ColumnMetadata = TokenSchema['metadata']['columns'][number];

/**
 * Reads the few columns that say whether a token is good, without an entity: it is asked of thousands of tokens, again and
 * again. Where ColumnQuery is not enough, neither is this.
 */
export class StatusQuery implements TokenQuery<TokenStatus> {
  readonly maxBatch = MAX_BATCH.oneRow;
  /** Whether no class of the application computes what is read here. */
  readonly isEnough: boolean;
  readonly #digests: DigestQuery;
  readonly #readExpiry: (value: unknown) => unknown;
  readonly #active: { property: string; read: (value: unknown) => unknown } | undefined;

  constructor(dataSource: DataSource, schema: TokenSchema, dialect: SqlDialect) {
    const { metadata, owner, column } = schema;
    const { activeColumn, deletedAt } = owner;
    const of = (alias: string, name: typeof column.digest): typeof name =>
      sql`${dialect.identifier(alias)}.${name}`;
    const as = (name: string): typeof column.digest => sql` AS ${dialect.identifier(name)}`;
    const digest = of(TOKEN, column.digest);
    const selection = [
      sql`${digest}${as('digest')}`,
      sql`${schema.toEpoch(of(TOKEN, column.expiry))}${as('expiry')}`,
    ];
    if (activeColumn) {
      const name = dialect.identifier(activeColumn.databaseName);
      selection.push(sql`${of(OWNER, name)}${as('active')}`);
    }
    if (deletedAt) selection.push(sql`${of(OWNER, deletedAt)}${as('deleted_at')}`);

    const { condition, parameters } = schema.ownerJoin(TOKEN, OWNER, dialect);
    const query = dataSource
      .createQueryBuilder(metadata.target as new () => object, TOKEN)
      .select(render(sql.join(selection), dialect).text)
      .cache(false)
      .withDeleted()
      .innerJoin(`${TOKEN}.user`, OWNER, condition, parameters);
    query.expressionMap.withDeleted = false;
    this.#digests = new DigestQuery(query, digest, 'digest', dialect);

    const expiry = metadata.findColumnWithPropertyPath('expiry') as ColumnMetadata;
    this.#readExpiry = hydration(expiry, dataSource.driver);
    this.#active = activeColumn && {
      property: activeColumn.propertyName,
      read: hydration(activeColumn, dataSource.driver),
    };
    this.isEnough =
      !isComputed(metadata.target, 'digest') &&
      !isComputed(metadata.target, 'expiry') &&
      !isComputed(owner.metadata.target, 'isActive');
  }

  load(
    connection: Connection,
    digests: readonly string[],
  ): Promise<ReadonlyMap<string, TokenRows>> {
    return this.#digests.load(connection, digests);
  }

  /** All of them at once; it fails if one cannot be read. */
  async readAll(
    connection: Connection,
    digests: readonly string[],
  ): Promise<ReadonlyMap<string, TokenStatus>> {
    const found = new Map<string, TokenStatus>();
    for (const row of await this.#digests.rows(connection, digests)) {
      const status = this.#readRow(row);
      found.set(status.digest, status);
    }
    return found;
  }

  hydration(): Hydrate<TokenStatus> {
    return this.#read;
  }

  readonly #read = ([row = {}]: TokenRows): TokenStatus => this.#readRow(row);

  #readRow(row: Row): TokenStatus {
    const isDeleted = (row.deleted_at ?? null) !== null;
    return {
      digest: String(row.digest),
      expiry: this.#readExpiry(row.expiry) as Date | null,
      user: isDeleted ? null : this.#owner(row.active),
    };
  }

  #owner(active: unknown): object {
    return this.#active ? { [this.#active.property]: this.#active.read(active) } : NOTHING_READ;
  }
}

const NOTHING_READ = {};

/** Whether instances have the property from their class, such as by a getter. */
function isComputed(entity: unknown, property: string): boolean {
  return typeof entity !== 'function' || property in (entity.prototype as object);
}
