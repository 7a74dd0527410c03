import type {
  DataSource,
  EntityMetadata,
  QueryRunner,
  SelectQueryBuilder,
  ValueTransformer,
} from 'typeorm';
import { LAST_INSTANT } from '../../tokens/expiry.ts';
import { KnoxConfigError } from '../../errors/knox-config.error.ts';
import type { AbstractAuthToken } from '../../entities/abstract-auth-token.entity.ts';
import type { Database } from '../../database/database.ts';
import { EPOCH_MILLISECONDS } from '../../entities/instant.format.ts';
import type { OwnerKey, OwnerSchema } from '../schema/owner.schema.ts';
import type { TokenSchema } from '../schema/token.schema.ts';
import { exactText } from '../token.sql.ts';

/** What a row is known by, beside what TypeORM selects. */
const DIGEST_KEY = 'knox_digest';

/** A column of instants, and under which key a row has it in epoch milliseconds. */
interface InstantColumn {
  readonly key: string;
  readonly property: 'created' | 'expiry';
  readonly transformer: ValueTransformer;
}

/**
 * TypeORM's own way from a digest to entities, for those that are more than their columns: relations,
 * inheritance, listeners. They come out as the application's own repositories would give them.
 */
export class TypeormLookup<Token extends AbstractAuthToken> {
  readonly #byDigest: SelectQueryBuilder<Token>;
  readonly #byOwner: SelectQueryBuilder<Token>;
  readonly #owner: SelectQueryBuilder<object>;
  readonly #ownerSchema: OwnerSchema;
  /** Reads what TypeORM would leave to the driver; null where that is right. */
  readonly #instants: readonly InstantColumn[] | null;

  /** @throws KnoxConfigError if a relation is not the owner's */
  constructor(
    dataSource: DataSource,
    schema: TokenSchema,
    database: Database,
    userRelations: readonly string[],
  ) {
    const { metadata, owner, instants, column } = schema;
    const expiry = `${dataSource.driver.escape('token')}.${column.expiry}`;
    const instant = instants.toEpochSql(expiry);
    const keyPath = `user.${owner.keyColumn.propertyPath}`;
    const tokens = (): SelectQueryBuilder<Token> =>
      dataSource
        .createQueryBuilder<Token>(metadata.target as new () => Token, 'token')
        .cache(false);
    this.#ownerSchema = owner;
    this.#instants = instants === EPOCH_MILLISECONDS ? null : instantColumns(metadata);
    // With the deleted ones: as a null, a left join would take them through the transformers of
    // columns that are never null.
    this.#byDigest = tokens()
      .withDeleted()
      .innerJoinAndSelect('token.user', 'user')
      .where('token.digest = :digest');
    this.#byDigest.expressionMap.withDeleted = false;
    if (owner.isDeletedAtHidden) this.#byDigest.addSelect(`user.${owner.deletionPath}`);
    joinEagerRelations(this.#byDigest, metadata, 'token', ['user']);
    joinRelations(this.#byDigest, owner.metadata, 'user', userRelations);

    this.#byOwner = tokens()
      .where('token.user = :owner')
      .andWhere(`(${expiry} IS NULL OR ${instant} > :now AND ${instant} <= :last)`, {
        last: LAST_INSTANT,
      })
      .orderBy('token.created', 'DESC')
      .addOrderBy('token.digest');
    joinEagerRelations(this.#byOwner, metadata, 'token', ['user']);

    for (const query of [this.#byDigest, this.#byOwner]) {
      if (!this.#instants) break;
      const named = (name: string): string => `${dataSource.driver.escape('token')}.${name}`;
      query.addSelect(named(column.digest), DIGEST_KEY);
      for (const { key, property } of this.#instants) {
        query.addSelect(instants.toEpochSql(named(column[property])), key);
      }
    }

    this.#owner = dataSource
      .createQueryBuilder(owner.metadata.target as new () => object, 'user')
      .cache(false)
      .where(`${keyPath} = :key`);
    joinRelations(this.#owner, owner.metadata, 'user', userRelations);

    if (database.comparesLoosely && owner.hasTextKey) {
      this.#byOwner.andWhere(`${exactText('token.user')} = :owner`);
      this.#owner.andWhere(`${exactText(keyPath)} = :key`);
    }
  }

  /**
   * The token of this digest, its user and the user's relations with it, expired or not. The user is
   * null where it is soft-deleted.
   */
  async byDigest(runner: QueryRunner, digest: string): Promise<Token | null> {
    const [token = null] = await this.#tokens(bound(this.#byDigest, runner, { digest }));
    if (token && this.#ownerSchema.readAndStripDeletedAt(token.user)) {
      (token as { user: object | null }).user = null;
    }
    return token;
  }

  /** The tokens of this owner that are unexpired at `now`, newest first. */
  byOwner(runner: QueryRunner, owner: OwnerKey, now: number): Promise<Token[]> {
    return this.#tokens(bound(this.#byOwner, runner, { owner, now }));
  }

  /** The owner of this key, unless there is none or it is soft-deleted. */
  owner(runner: QueryRunner, key: OwnerKey): Promise<object | null> {
    return bound(this.#owner, runner, { key }).getOne();
  }

  async #tokens(query: SelectQueryBuilder<Token>): Promise<Token[]> {
    const { entities, raw } = await query.getRawAndEntities<Record<string, unknown>>();
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

function instantColumns(metadata: EntityMetadata): InstantColumn[] {
  return (['created', 'expiry'] as const).map((property) => ({
    key: `knox_${property}`,
    property,
    transformer: metadata.findColumnWithPropertyPath(property)?.transformer as ValueTransformer,
  }));
}

function bound<Entity extends object>(
  query: SelectQueryBuilder<Entity>,
  runner: QueryRunner,
  parameters: Record<string, unknown>,
): SelectQueryBuilder<Entity> {
  return query.clone().setQueryRunner(runner).setParameters(parameters);
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
