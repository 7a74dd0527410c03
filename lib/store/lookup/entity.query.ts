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
import { EPOCH_MILLISECONDS } from '../../entities/instant.format.ts';
import { KnoxConfigError } from '../../errors/knox-config.error.ts';
import { LAST_INSTANT } from '../../tokens/expiry.ts';
import type { OwnerKey, OwnerSchema } from '../schema/owner.schema.ts';
import type { TokenSchema } from '../schema/token.schema.ts';
import { hasLoadSubscriber, runsApplicationCode } from './application-code.ts';
import { SharedHydration } from './shared.hydration.ts';
import type { Hydrate, TokenQuery, TokenRows } from './token.query.ts';

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
  /** Fewer than of columns: to-many relations multiply the rows, and the largest token delays all others. */
  readonly maxBatch = 25;
  readonly #dataSource: DataSource;
  readonly #metadata: EntityMetadata;
  readonly #byDigests: SelectQueryBuilder<Token>;
  readonly #byOwner: SelectQueryBuilder<Token>;
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
    const expiry = textOf(named(column.expiry));
    const instant = epochOf(column.expiry);
    const isOwner = (name: Sql, value: Sql): string =>
      textOf(owner.hasTextKey ? dialect.textEquals(name, value) : sql`${name} = ${value}`);
    const tokens = (): SelectQueryBuilder<Token> =>
      dataSource
        .createQueryBuilder<Token>(metadata.target as new () => Token, 'token')
        .cache(false);
    this.#dataSource = dataSource;
    this.#metadata = metadata;
    this.#ownerSchema = owner;
    this.#instants = instants === EPOCH_MILLISECONDS ? null : instantColumns(metadata);
    // An inner join, with soft-deleted owners: with a left join that drops them, TypeORM would pass null to the
    // transformers of columns that are never null, and these may throw.
    this.#byDigests = tokens()
      .withDeleted()
      .innerJoinAndSelect('token.user', 'user')
      .where('token.digest IN (:...digests)');
    this.#byDigests.expressionMap.withDeleted = false;
    if (owner.isDeletedAtHidden) this.#byDigests.addSelect(`user.${owner.deletionPath}`);
    joinEagerRelations(this.#byDigests, metadata, 'token', ['user']);
    joinRelations(this.#byDigests, owner.metadata, 'user', userRelations);

    this.#byOwner = tokens()
      .where(isOwner(named(column.user), sql.raw(':owner')))
      .andWhere(`(${expiry} IS NULL OR ${instant} > :now AND ${instant} <= :last)`, {
        last: LAST_INSTANT,
      })
      .orderBy('token.created', 'DESC')
      .addOrderBy('token.digest');
    joinEagerRelations(this.#byOwner, metadata, 'token', ['user']);

    for (const query of [this.#byDigests, this.#byOwner]) {
      query.addSelect(textOf(named(column.digest)), DIGEST_KEY);
      for (const { key, property } of this.#instants ?? []) {
        query.addSelect(epochOf(column[property]), key);
      }
    }

    this.#owner = dataSource
      .createQueryBuilder(owner.metadata.target as new () => object, 'user')
      .cache(false)
      .where(isOwner(sql`${dialect.identifier('user')}.${owner.key}`, sql.raw(':key')));
    joinRelations(this.#owner, owner.metadata, 'user', userRelations);

    const { aliases } = this.#byDigests.expressionMap;
    const joined = aliases.filter(({ hasMetadata }) => hasMetadata).map(({ metadata: of }) => of);
    this.#runsApplicationCode = runsApplicationCode(joined);
    this.#hasRelationIds = joined.some(({ relationIds }) => relationIds.length > 0);
  }

  async load(
    connection: Connection,
    digests: readonly string[],
  ): Promise<ReadonlyMap<string, TokenRows>> {
    const query = this.#byDigests.clone().setParameters({ digests: [...digests] });
    const statement = sql.rendered(...query.getQueryAndParameters());
    const { rows } = await connection.query(statement, true);
    const found = new Map<string, Row[]>();
    for (const row of rows) {
      const digest = digestOf(row);
      const others = found.get(digest);
      if (others) others.push(row);
      else found.set(digest, [row]);
    }
    return found;
  }

  hydration({ runner }: Connection): Hydrate<Token> {
    const query = oneAtATime(runner);
    const hydrate = (rows: TokenRows): Promise<ReadonlyMap<string, Token>> =>
      this.#hydrate(answering(runner, query, rows));
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

  async find(connection: Connection, digest: string): Promise<Token | null> {
    const rows = (await this.load(connection, [digest])).get(digest);
    return rows ? this.hydration(connection)(rows) : null;
  }

  list({ runner }: Connection, owner: OwnerKey, now: number): Promise<Token[]> {
    const query = this.#byOwner.clone().setQueryRunner(released(runner));
    return this.#entities(query.setParameters({ owner, now }));
  }

  findOwner({ runner }: Connection, key: OwnerKey): Promise<object | null> {
    const query = this.#owner.clone().setQueryRunner(released(runner));
    return query.setParameters({ key }).getOne();
  }

  /** The tokens of these rows, by digest. */
  async #hydrate(runner: QueryRunner): Promise<ReadonlyMap<string, Token>> {
    const query = this.#byDigests.clone().setQueryRunner(runner);
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
    const rows = new Map(raw.map((row) => [digestOf(row), row]));
    for (const token of entities) {
      const row = rows.get(token.digest);
      for (const { key, property, transformer } of this.#instants) {
        Object.assign(token, { [property]: transformer.from(row?.[key]) as unknown });
      }
    }
    return entities;
  }
}

function digestOf(row: Row | undefined): string {
  return String(row?.[DIGEST_KEY]);
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

/** Joins what `userRelations` names, and what the entities along the way load eagerly. */
function joinRelations(
  query: SelectQueryBuilder<object>,
  metadata: EntityMetadata,
  alias: string,
  paths: readonly string[],
): void {
  const names = [...new Set(paths.map((path) => relationIn(metadata, path)))];
  joinEagerRelations(query, metadata, alias, names);
  for (const name of names) {
    const nested = paths.filter((path) => path.startsWith(`${name}.`));
    const joined = `${alias}_${name.replaceAll('.', '_')}`;
    query.leftJoinAndSelect(`${alias}.${name}`, joined);
    joinRelations(
      query,
      metadata.findRelationWithPropertyPath(name)?.inverseEntityMetadata as EntityMetadata,
      joined,
      nested.map((path) => path.slice(name.length + 1)),
    );
  }
}

/** The relation that a path begins with; one of an embedded column has a dot in its name. */
function relationIn(metadata: EntityMetadata, path: string): string {
  const segments = path.split('.');
  const name = segments
    .map((_, index) => segments.slice(0, index + 1).join('.'))
    .find((prefix) => metadata.findRelationWithPropertyPath(prefix));
  if (name !== undefined) return name;
  throw new KnoxConfigError('userRelations', `${metadata.name} has no relation "${path}".`);
}

function joinEagerRelations(
  query: SelectQueryBuilder<object>,
  metadata: EntityMetadata,
  alias: string,
  alreadyJoined: readonly string[],
): void {
  for (const relation of metadata.eagerRelations) {
    if (alreadyJoined.includes(relation.propertyPath)) continue;
    const joined = `${alias}_${relation.propertyPath.replaceAll('.', '_')}`;
    query.leftJoinAndSelect(`${alias}.${relation.propertyPath}`, joined);
    joinEagerRelations(query, relation.inverseEntityMetadata, joined, []);
  }
}
