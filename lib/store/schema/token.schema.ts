import {
  EntityMetadataNotFoundError,
  type DataSource,
  type EntityMetadata,
  type EntityTarget,
  type ObjectLiteral,
} from 'typeorm';
import { KnoxConfigError } from '../../errors/knox-config.error.ts';
import type { AbstractAuthToken } from '../../entities/abstract-auth-token.entity.ts';
import { FEATURES, hasFeature, type Feature } from '../../entities/feature-columns.ts';
import type { BaseToken } from '../../entities/base-token.ts';
import type { InstantFormat } from '../../entities/instant.format.ts';
import type { SqlDialect } from '../../database/sql.dialect.ts';
import { render, sql, type Sql } from '../../database/sql.ts';
import { LAST_INSTANT } from '../../tokens/expiry.ts';
import { OwnerSchema, tableOf } from './owner.schema.ts';

/** What `create` fills in itself, and no one may set through `columns`. */
const RESERVED = ['digest', 'tokenKey', 'user', 'created', 'expiry', 'ttl'] as const;

type ColumnMetadata = EntityMetadata['columns'][number];

type ReservedColumn = (typeof RESERVED)[number];

/** The columns that every token table has, and those of features. */
type KnownColumn = ReservedColumn | Feature;

/** A condition for the query builder, and the values of the parameters that it names. */
interface OwnerJoin {
  readonly condition: string | undefined;
  readonly parameters: ObjectLiteral;
}

/** What the entity's metadata says about the token table: read once, when the data source is up. */
export class TokenSchema {
  readonly metadata: EntityMetadata;
  readonly owner: OwnerSchema;
  /** The name of its table, schema included. */
  readonly table: Sql;
  /** The names of our columns. Those of features name a column only if the entity has the feature. */
  readonly column: Readonly<Record<KnownColumn, Sql>>;
  /** The features whose columns the entity has. */
  readonly features: ReadonlySet<Feature>;
  /** How its instants are stored. */
  readonly instants: InstantFormat;
  /** Whether a token's own TTL has a column to be kept in. */
  readonly hasTtlColumn: boolean;
  /** Properties of the application's own token class, those that `columns` may set. */
  readonly extraColumns: ReadonlySet<string>;
  /** Whether the database fills in columns itself, so that a saved row must be read back. */
  readonly hasGeneratedColumns: boolean;
  /** The columns to insert into, where each takes the entity's own value as it is; else null. */
  readonly insertColumns: readonly ColumnMetadata[] | null;

  /** @throws KnoxConfigError if the entities are not what the package can work with */
  constructor(
    dataSource: DataSource,
    tokenEntity: EntityTarget<AbstractAuthToken>,
    dialect: SqlDialect,
  ) {
    const metadata = metadataOf(dataSource, tokenEntity);
    const relation = metadata.findRelationWithPropertyPath('user');
    const [joinColumn, ...more] = relation?.isManyToOne ? relation.joinColumns : [];
    if (!relation || !joinColumn || more.length > 0) {
      throw new KnoxConfigError(
        'tokenEntity',
        `${metadata.targetName} needs a relation "user" of one join column; write ` +
          "@ManyToOne(() => Owner, { onDelete: 'CASCADE', nullable: false }) " +
          "@JoinColumn({ name: 'user_id' }) user!: Owner.",
      );
    }
    if (metadata.deleteDateColumn) {
      throw new KnoxConfigError(
        'tokenEntity',
        `${metadata.targetName} has a @DeleteDateColumn; a token is revoked by deleting its row.`,
      );
    }
    const columnOf = (property: KnownColumn): Sql =>
      dialect.identifier(
        property === 'user'
          ? joinColumn.databaseName
          : (metadata.findColumnWithPropertyPath(property)?.databaseName ?? property),
      );
    this.metadata = metadata;
    this.instants = (metadata.target as typeof BaseToken).instantFormat(dataSource);
    this.hasTtlColumn = metadata.findColumnWithPropertyPath('ttl') !== undefined;
    this.owner = new OwnerSchema(dataSource, relation.inverseEntityMetadata, joinColumn, dialect);
    this.table = tableOf(metadata, dialect);
    this.features = featuresOf(metadata);
    const known = [...RESERVED, ...FEATURES];
    this.column = Object.fromEntries(
      known.map((property) => [property, columnOf(property)]),
    ) as Record<KnownColumn, Sql>;
    const reserved: ReadonlySet<string> = new Set([...RESERVED, ...this.features]);
    const own = [
      ...metadata.columns.filter((column) => column !== joinColumn),
      ...metadata.relations.filter(({ isWithJoinColumn }) => isWithJoinColumn),
    ].filter(({ propertyName }) => !reserved.has(propertyName));
    this.extraColumns = new Set(
      own.map(({ propertyPath }) => propertyPath.split('.')[0] as string),
    );
    this.hasGeneratedColumns = metadata.columns.some(
      (column) =>
        // The application's own property for the key of the user.
        (column === joinColumn && !column.isVirtual) ||
        column.isGenerated ||
        column.isCreateDate ||
        column.isUpdateDate ||
        column.isVersion ||
        column.default !== undefined,
    );
    const isPlain =
      !this.hasGeneratedColumns &&
      metadata.columns.every(
        (column) =>
          column.isInsert &&
          !column.isVirtualProperty &&
          column.asExpression === undefined &&
          !dataSource.driver.spatialTypes.includes(column.type),
      );
    this.insertColumns = isPlain ? metadata.columns : null;
  }

  /** The instant that a column holds, in epoch milliseconds. */
  toEpoch(column: Sql): Sql {
    return sql.raw(this.instants.toEpochSql(column.texts.join('')));
  }

  /**
   * Whether a token of this expiry is unexpired at an instant, in epoch milliseconds. An expiry that no Date can hold
   * counts as expired, as in authentication.
   */
  isUnexpired(expiry: Sql, now: unknown): Sql {
    const instant = this.toEpoch(expiry);
    const last = sql.raw(String(LAST_INSTANT));
    return sql`(${expiry} IS NULL OR ${instant} > ${now} AND ${instant} <= ${last})`;
  }

  /**
   * What joins a token to its owner beside the foreign key, for TypeORM: the same bytes in keys that are text, and the
   * owner's own class where others share its table.
   */
  ownerJoin(token: string, user: string, dialect: SqlDialect): OwnerJoin {
    const { metadata, key, hasTextKey } = this.owner;
    const { discriminatorColumn, parentEntityMetadata, childEntityMetadatas } = metadata;
    const conditions: Sql[] = [];
    const [tokenAlias, userAlias] = [dialect.identifier(token), dialect.identifier(user)];
    if (hasTextKey) {
      const reference = sql`${tokenAlias}.${this.column.user}`;
      conditions.push(dialect.textEquals(sql`${userAlias}.${key}`, reference));
    }
    // TypeORM adds it to the entity that a query is for, and not to one that it joins.
    if (discriminatorColumn && (parentEntityMetadata as EntityMetadata | undefined)) {
      const kind = dialect.identifier(discriminatorColumn.databaseName);
      conditions.push(sql`${userAlias}.${kind} IN (${sql.raw(':...knox_kinds')})`);
    }
    const kinds = [metadata, ...childEntityMetadatas].map((each) => each.discriminatorValue);
    return {
      condition: render(sql.join(conditions, ' AND '), dialect).text || undefined,
      parameters: { knox_kinds: kinds },
    };
  }

  /** Whether a column holds an instant, in the table's own format. */
  isInstant({ propertyPath }: ColumnMetadata): boolean {
    return propertyPath === 'created' || propertyPath === 'expiry';
  }
}

function featuresOf({ target }: EntityMetadata): ReadonlySet<Feature> {
  const { prototype } = target as { prototype: object };
  return new Set(FEATURES.filter((feature) => hasFeature(prototype, feature)));
}

function metadataOf(
  dataSource: DataSource,
  tokenEntity: EntityTarget<AbstractAuthToken>,
): EntityMetadata {
  try {
    return dataSource.getMetadata(tokenEntity);
  } catch (error) {
    if (!(error instanceof EntityMetadataNotFoundError)) throw error;
    const { name } = tokenEntity as { name: string };
    const isNamesake = dataSource.entityMetadatas.some(({ targetName }) => targetName === name);
    throw new KnoxConfigError(
      'tokenEntity',
      `the data source does not know ${name}; add it to the data source's entities, or set autoLoadEntities: true.` +
        (isNamesake
          ? ' It knows another class of that name, perhaps of another copy of nestjs-knox in this process.'
          : ''),
    );
  }
}
