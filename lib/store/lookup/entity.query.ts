import type {
  DataSource,
  EntityMetadata,
  ObjectLiteral,
  QueryRunner,
  SelectQueryBuilder,
  ValueTransformer,
} from 'typeorm';
import type { Connection, Row } from '../../database/database.ts';
import type { SqlDialect } from '../../database/sql.dialect.ts';
import { render, sql, type Sql } from '../../database/sql.ts';
import type { AbstractAuthToken } from '../../entities/abstract-auth-token.entity.ts';
import { PUBLIC_ID_LENGTH } from '../../entities/base-token.ts';
import { EPOCH_MILLISECONDS } from '../../entities/instant.format.ts';
import type { OwnerKey, OwnerSchema } from '../schema/owner.schema.ts';
import type { TokenSchema } from '../schema/token.schema.ts';
import { hasLoadSubscriber, runsApplicationCode } from './application-code.ts';
import { DigestQuery } from './digest.query.ts';
import { joinedRelations, joinTo } from './joined.relation.ts';
import { SharedHydration } from './shared.hydration.ts';
import { MAX_BATCH, type Hydrate, type TokenQuery, type TokenRows } from './token.query.ts';

/** The key under which a row has its token's digest: TypeORM may shorten its own keys. */
const DIGEST_KEY = 'knox_digest';

/** A column of instants, and under which key a row has it in epoch milliseconds. */
interface InstantColumn {
  readonly key: string;
  readonly property: 'created' | 'expiry';
  readonly transformer: ValueTransformer;
}

/**
 * TypeORM's own way from a digest to entities, for those that are more than their columns: relations, inheritance,
 * listeners. They come out as the application's own repositories would give them. The statement is sent for a whole
 * batch; then TypeORM hydrates tokens from the rows in hand.
 */
export class EntityQuery<Token extends AbstractAuthToken> implements TokenQuery<Token> {
  readonly maxBatch = MAX_BATCH.manyRows;
  readonly #dataSource: DataSource;
  readonly #metadata: EntityMetadata;
  readonly #withOwner: SelectQueryBuilder<Token>;
  readonly #digests: DigestQuery;
  readonly #byOwner: SelectQueryBuilder<Token>;
  readonly #hasPublicId: string;
  readonly #owner: SelectQueryBuilder<object>;
  readonly #ownerSchema: OwnerSchema;
  /** Reads what TypeORM would leave to the driver; null if that is right. */
  readonly #instants: readonly InstantColumn[] | null;
  readonly #runsApplicationCode: boolean;
  readonly #hasRelationIds: boolean;

  /** @throws KnoxConfigError if a relation is not the owner's */
  constructor(
    dataSource: DataSource,
    schema: TokenSchema,
    dialect: SqlDialect,
    userRelations: readonly string[],
  ) {
    const { metadata, owner, instants, column } = schema;
    const named = (name: Sql): Sql => sql`${dialect.identifier('token')}.${name}`;
    const textOf = (part: Sql): string => render(part, dialect).text;
    const epochOf = (name: Sql): string => textOf(schema.toEpoch(named(name)));
    const isOwner = (name: Sql, value: Sql): string =>
      textOf(owner.hasTextKey ? dialect.textEquals(name, value) : sql`${name} = ${value}`);
    const tokens = (): SelectQueryBuilder<Token> =>
      dataSource
        .createQueryBuilder<Token>(metadata.target as new () => Token, 'token')
        .cache(false);
    const tokenRelations = joinedRelations(metadata, 'token', [], 'user');
    const ownerRelations = joinedRelations(owner.metadata, 'user', userRelations);
    this.#dataSource = dataSource;
    this.#metadata = metadata;
    this.#ownerSchema = owner;
    this.#instants = instants === EPOCH_MILLISECONDS ? null : instantColumns(metadata);
    // An inner join, with soft-deleted owners: with a left join that drops them, TypeORM would pass null to the
    // transformers of columns that are never null, and these may throw.
    const { condition, parameters } = schema.ownerJoin('token', 'user', dialect);
    this.#withOwner = tokens()
      .withDeleted()
      .innerJoinAndSelect('token.user', 'user', condition, parameters);
    this.#withOwner.expressionMap.withDeleted = false;
    if (owner.isDeletedAtHidden) this.#withOwner.addSelect(`user.${owner.deletionPath}`);
    joinTo(this.#withOwner, 'token', tokenRelations, true);
    joinTo(this.#withOwner, 'user', ownerRelations, true);

    this.#byOwner = tokens()
      .where(isOwner(named(column.user), sql.raw(':owner')))
      .andWhere(textOf(schema.isUnexpired(named(column.expiry), sql.raw(':now'))))
      .orderBy('token.created', 'DESC')
      .addOrderBy('token.digest');
    joinTo(this.#byOwner, 'token', tokenRelations, true);
    // From the index of the owner alone: MariaDB would scan the table to read many whole rows of one owner.
    const own = (name: Sql): Sql => sql`${dialect.identifier('own')}.${name}`;
    const isOwn = isOwner(own(column.user), sql.raw(':owner'));
    const digest = textOf(own(column.digest));
    const table = textOf(sql`${schema.table} ${dialect.identifier('own')}`);
    this.#hasPublicId = `${textOf(named(column.digest))} = (SELECT ${digest} FROM ${table} WHERE ${isOwn} AND SUBSTR(${digest}, 1, ${String(PUBLIC_ID_LENGTH)}) = :publicId)`;

    for (const query of [this.#withOwner, this.#byOwner]) {
      query.addSelect(textOf(named(column.digest)), DIGEST_KEY);
      for (const { key, property } of this.#instants ?? []) {
        query.addSelect(epochOf(column[property]), key);
      }
    }
    this.#digests = new DigestQuery(this.#withOwner, named(column.digest), DIGEST_KEY, dialect);

    this.#owner = dataSource
      .createQueryBuilder(owner.metadata.target as new () => object, 'user')
      .cache(false)
      .where(isOwner(sql`${dialect.identifier('user')}.${owner.key}`, sql.raw(':key')));
    joinTo(this.#owner, 'user', ownerRelations, true);

    const { aliases } = this.#withOwner.expressionMap;
    const joined = aliases.filter(({ hasMetadata }) => hasMetadata).map(({ metadata: of }) => of);
    this.#runsApplicationCode = runsApplicationCode(joined);
    this.#hasRelationIds = joined.some(({ relationIds }) => relationIds.length > 0);
  }

  load(
    connection: Connection,
    digests: readonly string[],
  ): Promise<ReadonlyMap<string, TokenRows>> {
    return this.#digests.load(connection, digests);
  }

  hydration({ runner }: Connection): Hydrate<Token> {
    const query = oneAtATime(runner);
    const hydrate = (rows: TokenRows): Promise<ReadonlyMap<string, Token>> =>
      this.#hydrate(answering(runner, query, rows));
    const { digestOf } = this.#digests;
    if (this.#runsApplicationCode || hasLoadSubscriber(this.#dataSource)) {
      return async (rows) => (await hydrate(rows)).get(digestOf(rows[0])) ?? null;
    }
    const shared = new SharedHydration(async (rows) => {
      const tokens = await hydrate(rows);
      if (!this.#hasRelationIds) return tokens;
      for (const token of tokens.values()) copyRelationIds(token, this.#metadata);
      return tokens;
    }, digestOf);
    return (rows) => shared.hydrate(rows);
  }

  /** The token of this digest, expired or not; null if there is none. */
  async find(connection: Connection, digest: string): Promise<Token | null> {
    const rows = (await this.load(connection, [digest])).get(digest);
    return rows ? this.hydration(connection)(rows) : null;
  }

  /**
   * The owner's tokens that are unexpired at `now`, newest first, without their owner. With a public id, the one that has
   * it: compared among the owner's rows alone, so that what others have does not show in the time that it takes.
   */
  list({ runner }: Connection, owner: OwnerKey, now: number, publicId?: string): Promise<Token[]> {
    const query = this.#byOwner.clone().setQueryRunner(released(runner));
    if (publicId !== undefined) query.andWhere(this.#hasPublicId, { publicId });
    return this.#entities(query.setParameters({ owner, now }));
  }

  /** The owner of this key, or null if there is none or it is soft-deleted. */
  findOwner({ runner }: Connection, key: OwnerKey): Promise<object | null> {
    const query = this.#owner.clone().setQueryRunner(released(runner));
    return query.setParameters({ key }).getOne();
  }

  /** The tokens of the rows that the runner answers with, by digest. */
  async #hydrate(runner: QueryRunner): Promise<ReadonlyMap<string, Token>> {
    const query = this.#withOwner.clone().setQueryRunner(runner);
    // Nothing is sent, and making the text would take longer than all the rest.
    query.getQueryAndParameters = () => ['', []];
    const tokens = new Map<string, Token>();
    for (const token of await this.#entities(query)) {
      if (this.#ownerSchema.readAndStripDeletedAt(token.user)) {
        (token as { user: object | null }).user = null;
      }
      tokens.set(token.digest, token);
    }
    return tokens;
  }

  async #entities(query: SelectQueryBuilder<Token>): Promise<Token[]> {
    const { entities, raw } = await query.getRawAndEntities<Row>();
    if (!this.#instants) return entities;
    // A token may have many rows, one for each of what is joined to it; all say the same of it.
    const rows = new Map(raw.map((row) => [row[DIGEST_KEY], row]));
    for (const token of entities) {
      const row = rows.get(token.digest);
      for (const { key, property, transformer } of this.#instants) {
        Object.assign(token, { [property]: transformer.from(row?.[key]) as unknown });
      }
    }
    return entities;
  }
}

type RunQuery = (...args: Parameters<QueryRunner['query']>) => Promise<unknown>;

/** A runner whose first query is answered with rows that are there already. */
function answering(runner: QueryRunner, runQuery: RunQuery, rows: TokenRows): QueryRunner {
  let records: TokenRows | null = rows;
  return released(runner, (...args) => {
    // @RelationId asks for more.
    if (records === null) return runQuery(...args);
    const result = { records, raw: records, affected: 0 };
    records = null;
    return Promise.resolve(result);
  });
}

/**
 * TypeORM keeps the runner in entities for lazy relations. This one reports `isReleased`, so that a lazy relation uses
 * a connection of the application's, not ours, which serves others by then. In the application's transaction it does
 * not, so that the relation is read there.
 */
function released(
  runner: QueryRunner,
  query: RunQuery = (...args) => runner.query(...args),
): QueryRunner {
  return Object.create(runner, {
    query: { value: query },
    isReleased: { get: () => runner.isReleased || !runner.isTransactionActive },
  }) as QueryRunner;
}

/** In one pass, TypeORM gives the same array of relation ids to all entities of equal keys, of several requests. */
function copyRelationIds(entity: ObjectLiteral, metadata: EntityMetadata): void {
  for (const { propertyName } of metadata.relationIds) {
    const ids: unknown = entity[propertyName];
    if (Array.isArray(ids)) entity[propertyName] = ids.map(copyKey);
  }
  for (const relation of metadata.relations) {
    if (relation.isLazy) continue;
    const related: unknown = relation.getEntityValue(entity);
    for (const each of (Array.isArray(related) ? related : [related]) as unknown[]) {
      if (isObject(each)) copyRelationIds(each, relation.inverseEntityMetadata);
    }
  }
}

/** A key of several columns is an object. */
function copyKey(key: unknown): unknown {
  return isObject(key) ? { ...key } : key;
}

function isObject(value: unknown): value is ObjectLiteral {
  return typeof value === 'object' && value !== null;
}

/** Sends queries one by one, as pg demands: tokens are hydrated side by side on one connection. */
function oneAtATime(runner: QueryRunner): RunQuery {
  let last: Promise<unknown> = Promise.resolve();
  return (...args) => {
    const result = last.then(() => runner.query(...args));
    last = result.catch(() => undefined);
    return result;
  };
}

function instantColumns(metadata: EntityMetadata): InstantColumn[] {
  return (['created', 'expiry'] as const).map((property) => ({
    key: `knox_${property}`,
    property,
    transformer: metadata.findColumnWithPropertyPath(property)?.transformer as ValueTransformer,
  }));
}
