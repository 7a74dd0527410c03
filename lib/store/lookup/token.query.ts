import type { DataSource } from 'typeorm';
import type { Connection, Row } from '../../database/database.ts';
import type { SqlDialect } from '../../database/sql.dialect.ts';
import type { AbstractAuthToken } from '../../entities/abstract-auth-token.entity.ts';
import type { OwnerKey } from '../schema/owner.schema.ts';
import type { TokenSchema } from '../schema/token.schema.ts';
import type { TokenSql } from '../token.sql.ts';
import { hasLoadSubscriber } from './application-code.ts';
import { ColumnQuery } from './column.query.ts';
import { EntityQuery } from './entity.query.ts';

/** The rows of one token: one, or one for each row that is joined to it. */
export type TokenRows = readonly Row[];

/**
 * Makes an entity of a token's rows, which nothing else may use. It is a promise if the connection is needed until
 * then. The application's code runs in the caller's async context.
 */
export type Hydrate<Token> = (rows: TokenRows) => Token | Promise<Token | null>;

/** Tokens and owners as entities. A token comes with its owner, or with null if that is soft-deleted. */
export interface TokenQuery<Token extends AbstractAuthToken> {
  /** How many digests one statement may ask for. */
  readonly maxBatch: number;
  /** The rows of the tokens of these digests, by digest, in one statement. */
  load(connection: Connection, digests: readonly string[]): Promise<ReadonlyMap<string, TokenRows>>;
  /** For rows that were loaded on this connection. */
  hydration(connection: Connection): Hydrate<Token>;
  /** The token of this digest, expired or not; null if there is none. */
  find(connection: Connection, digest: string): Promise<Token | null>;
  /** The owner's tokens that are unexpired at `now`, newest first, without their owner. */
  list(connection: Connection, owner: OwnerKey, now: number): Promise<Token[]>;
  /** The owner of this key, or null if there is none or it is soft-deleted. */
  findOwner(connection: Connection, key: OwnerKey): Promise<object | null>;
}

/**
 * Which query fits the entities: columns alone if they are all that a SELECT has to bring, else TypeORM's. It is asked
 * each time, because a subscriber with `afterLoad` may be added after the start.
 *
 * @throws KnoxConfigError if one of the relations is not the owner's
 */
export function tokenQueries<Token extends AbstractAuthToken>(
  dataSource: DataSource,
  schema: TokenSchema,
  tokenSql: TokenSql,
  dialect: SqlDialect,
  userRelations: readonly string[],
): () => TokenQuery<Token> {
  const entities = new EntityQuery<Token>(dataSource, schema, dialect, userRelations);
  const isColumns = userRelations.length === 0 && ColumnQuery.supports(dataSource, schema);
  const columns = isColumns ? new ColumnQuery<Token>(dataSource, schema, tokenSql, dialect) : null;
  return () => (columns && !hasLoadSubscriber(dataSource) ? columns : entities);
}
