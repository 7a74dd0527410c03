import type { DataSource } from 'typeorm';
import type { SqlDialect } from '../../database/sql.dialect.ts';
import type { AbstractAuthToken } from '../../entities/abstract-auth-token.entity.ts';
import type { TokenSchema } from '../schema/token.schema.ts';
import type { TokenSql } from '../token.sql.ts';
import { hasLoadSubscriber } from './application-code.ts';
import { ColumnQuery } from './column.query.ts';
import { EntityQuery } from './entity.query.ts';
import type { TokenQuery } from './token.query.ts';

/**
 * Which query fits the entities: columns alone if they are all that a SELECT has to bring, else TypeORM's. It is asked
 * each time, because a subscriber with `afterLoad` may be added after the start.
 *
 * @throws KnoxConfigError if one of the relations is not the owner's
 */
export function queryChooser<Token extends AbstractAuthToken>(
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
