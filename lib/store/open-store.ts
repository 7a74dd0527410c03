import type { DataSource } from 'typeorm';
import type { Database } from '../database/database.ts';
import { openDatabase } from '../database/open-database.ts';
import type { PoolSettings } from '../database/pool.driver.ts';
import { beforeDisconnect, sourceOf } from '../database/typeorm-internals.ts';
import type { AbstractAuthToken, TokenEntity } from '../entities/abstract-auth-token.entity.ts';
import { ColumnQuery } from './lookup/column.query.ts';
import { EntityQuery } from './lookup/entity.query.ts';
import { ListQuery } from './lookup/list.query.ts';
import { LookupBatcher } from './lookup/lookup.batcher.ts';
import { StatusQuery, type TokenStatus } from './lookup/status.query.ts';
import { CHECKS_PER_LOOKUP, type TokenQuery } from './lookup/token.query.ts';
import { checkEntities } from './schema/entity.checks.ts';
import { TokenSchema } from './schema/token.schema.ts';
import { TokenSql } from './token.sql.ts';

export interface TokenStoreOptions<Token extends AbstractAuthToken> extends PoolSettings {
  /** Told to the subscribers of the channel of batches. */
  readonly realm: string;
  readonly tokenEntity: TokenEntity<Token>;
  readonly userRelations: readonly string[];
  /** Whether the application's own code says whether an owner is active, and so needs all of it. */
  readonly needsWholeOwner: boolean;
}

/** All that depends on the data source being up. */
export interface OpenStore<Token extends AbstractAuthToken> {
  /** Changes when the application destroys its data source and initializes it again. */
  readonly source: unknown;
  readonly schema: TokenSchema;
  readonly sql: TokenSql;
  readonly database: Database;
  readonly entities: EntityQuery<Token>;
  readonly lookups: LookupBatcher<Token>;
  readonly checks: LookupBatcher<TokenStatus>;
  readonly lists: {
    readonly query: ListQuery<Token>;
    readonly batcher: LookupBatcher<Token[]>;
  };
  readonly status: StatusQuery;
  readonly isStatusEnough: () => boolean;
}

/**
 * Makes all of it for a data source that is up.
 *
 * @throws KnoxConfigError if the entities or the driver are not such as the package can work with
 */
export function openStore<Token extends AbstractAuthToken>(
  dataSource: DataSource,
  options: TokenStoreOptions<Token>,
): OpenStore<Token> {
  const { realm, tokenEntity, userRelations, needsWholeOwner } = options;
  const database = openDatabase(dataSource, options);
  const { dialect } = database;
  const schema = new TokenSchema(dataSource, tokenEntity, dialect);
  checkEntities(dataSource, schema);
  const entities = new EntityQuery<Token>(dataSource, schema, dialect, userRelations);
  const columns = new ColumnQuery<Token>(dataSource, schema, dialect, userRelations);
  const query = (): TokenQuery<Token> => (columns.isEnough() ? columns : entities);
  const lookups = new LookupBatcher<Token>(database, query, realm);
  const status = new StatusQuery(dataSource, schema, dialect);
  const isStatusEnough = (): boolean => !needsWholeOwner && status.isEnough && columns.isEnough();
  const check = (): TokenQuery<TokenStatus> => (isStatusEnough() ? status : query());
  const list = new ListQuery<Token>(dataSource, schema, dialect);
  // What is open to an old file would write into the one that is put in its place.
  beforeDisconnect(dataSource, () => database.close().catch(() => undefined));
  return {
    source: sourceOf(dataSource),
    schema,
    sql: new TokenSql(dataSource, schema, dialect),
    database,
    entities,
    lookups,
    lists: { query: list, batcher: new LookupBatcher(database, () => list, realm) },
    status,
    isStatusEnough,
    checks: new LookupBatcher(database, check, realm, CHECKS_PER_LOOKUP),
  };
}
