import type { DataSource } from 'typeorm';
import type { Connection } from '../../database/database.ts';
import type { SqlDialect } from '../../database/sql.dialect.ts';
import { render, sql } from '../../database/sql.ts';
import type { AbstractAuthToken } from '../../entities/abstract-auth-token.entity.ts';
import type { TokenSchema } from '../schema/token.schema.ts';
import { hasLoadSubscriber } from './application-code.ts';
import { DigestQuery } from './digest.query.ts';
import { EntityReader } from './entity.reader.ts';
import { joinedRelations, joinTo, multipliesRows } from './joined.relation.ts';
import { MAX_BATCH, type Hydrate, type TokenQuery, type TokenRows } from './token.query.ts';

/** The names of the tables in the SELECT. */
const TOKEN = 't';
const OWNER = 'u';

/** The key of the column that says when an owner was soft-deleted. */
const DELETED_AT = 'deleted_at';

/**
 * The short way from a digest to entities: rows that are read by what the metadata says. It is for entities that are
 * their columns and their relations; for all others there is EntityQuery.
 */
export class ColumnQuery<Token extends AbstractAuthToken> implements TokenQuery<Token> {
  readonly maxBatch: number;
  /** Whether it gives all that TypeORM would give; a subscriber may be added after the start. */
  readonly isEnough: () => boolean;
  readonly #digests: DigestQuery;
  readonly #tokens: EntityReader<Token>;
  readonly #owners: EntityReader<object>;

  constructor(
    dataSource: DataSource,
    schema: TokenSchema,
    dialect: SqlDialect,
    userRelations: readonly string[],
  ) {
    const { metadata, owner } = schema;
    const tokenRelations = joinedRelations(metadata, TOKEN, [], 'user');
    const ownerRelations = joinedRelations(owner.metadata, OWNER, userRelations);
    this.maxBatch = multipliesRows([...tokenRelations, ...ownerRelations])
      ? MAX_BATCH.manyRows
      : MAX_BATCH.oneRow;
    const isSupported =
      EntityReader.supports(dataSource, metadata, tokenRelations) &&
      EntityReader.supports(dataSource, owner.metadata, ownerRelations);
    this.isEnough = () => isSupported && !hasLoadSubscriber(dataSource);

    this.#tokens = EntityReader.ofTokens(dataSource, schema, TOKEN, dialect, tokenRelations);
    this.#owners = new EntityReader(dataSource, owner.metadata, OWNER, dialect, ownerRelations);
    const deletedAt = owner.deletedAt
      ? sql`, ${dialect.identifier(OWNER)}.${owner.deletedAt} AS ${dialect.identifier(DELETED_AT)}`
      : sql.empty;
    const selection = sql`${this.#tokens.selection}, ${this.#owners.selection}${deletedAt}`;
    const query = dataSource
      .createQueryBuilder(metadata.target as new () => object, TOKEN)
      .select(render(selection, dialect).text)
      .cache(false)
      .withDeleted()
      .innerJoin(`${TOKEN}.user`, OWNER, schema.ownerJoin(TOKEN, OWNER, dialect).condition);
    query.expressionMap.withDeleted = false;
    joinTo(query, TOKEN, tokenRelations, false);
    joinTo(query, OWNER, ownerRelations, false);
    const digest = sql`${dialect.identifier(TOKEN)}.${schema.column.digest}`;
    this.#digests = new DigestQuery(query, digest, this.#tokens.keyOf('digest'), dialect);
  }

  load(
    connection: Connection,
    digests: readonly string[],
  ): Promise<ReadonlyMap<string, TokenRows>> {
    return this.#digests.load(connection, digests);
  }

  hydration(): Hydrate<Token> {
    return this.#hydrate;
  }

  readonly #hydrate = (rows: TokenRows): Token => {
    const token = this.#tokens.read(rows);
    const isDeleted = (rows[0]?.[DELETED_AT] ?? null) !== null;
    (token as { user: object | null }).user = isDeleted ? null : this.#owners.read(rows);
    return token;
  };
}
