import { getMetadataArgsStorage, type DataSource, type EntityMetadata } from 'typeorm';
import type { SqlDialect } from '../../database/sql.dialect.ts';
import { sql, type Sql } from '../../database/sql.ts';
import { ArgumentError } from '../../errors/argument.error.ts';

const NUMERIC =
  /^(?:(?:tiny|small|medium|big)?int(?:eger|2|4|8)?|(?:small|big)?serial[248]?|numeric|decimal)\b/;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** The value of a user's key, as the database takes it. */
export type OwnerKey = string | number;

type ColumnMetadata = EntityMetadata['columns'][number];

/** What the metadata says about the entity that owns tokens. */
export class OwnerSchema {
  readonly metadata: EntityMetadata;
  /** The column whose value a token's `user_id` holds. */
  readonly keyColumn: ColumnMetadata;
  /** The names of its table, its key column, and the column that says when a user was soft-deleted. */
  readonly table: Sql;
  readonly key: Sql;
  readonly deletedAt: Sql | null;
  /** The `isActive` column, if it has one. */
  readonly activeColumn: ColumnMetadata | undefined;
  readonly #dataSource: DataSource;

  constructor(
    dataSource: DataSource,
    metadata: EntityMetadata,
    joinColumn: ColumnMetadata,
    dialect: SqlDialect,
  ) {
    const { deleteDateColumn } = metadata;
    this.#dataSource = dataSource;
    this.metadata = metadata;
    this.keyColumn = joinColumn.referencedColumn as ColumnMetadata;
    this.table = tableOf(metadata, dialect);
    this.key = dialect.identifier(this.keyColumn.databaseName);
    this.deletedAt = deleteDateColumn ? dialect.identifier(deleteDateColumn.databaseName) : null;
    this.activeColumn = metadata.findColumnWithPropertyPath('isActive');
  }

  /** Whether its keys are text, which a database may compare loosely. */
  get hasTextKey(): boolean {
    return !this.#isNumeric();
  }

  /** Whether this is an instance of the owner's class, loaded or made by the application. */
  isInstance(user: object): boolean {
    return typeof this.metadata.target === 'function' && user instanceof this.metadata.target;
  }

  /** What the `isActive` column says; without one, everybody is active. */
  isActiveByColumn(user: object): boolean {
    if (!this.activeColumn) return true;
    const value: unknown = this.activeColumn.getEntityValue(user);
    return value === true || value === 1;
  }

  /** Property path of the column that says when a user was soft-deleted, if there is one. */
  get deletionPath(): string | undefined {
    return this.metadata.deleteDateColumn?.propertyPath;
  }

  /** Whether that column is one that TypeORM does not load by itself. */
  get isDeletedAtHidden(): boolean {
    return this.metadata.deleteDateColumn?.isSelect === false;
  }

  /** Whether the user is soft-deleted; a column that was loaded for that alone is taken off again. */
  readAndStripDeletedAt(user: object): boolean {
    const column = this.metadata.deleteDateColumn;
    if (!column) return false;
    const deletedAt: unknown = column.getEntityValue(user);
    if (this.isDeletedAtHidden) Reflect.deleteProperty(user, column.propertyName);
    return deletedAt !== null && deletedAt !== undefined;
  }

  /**
   * The key of a user, checked before it comes near a query: MariaDB compares a number with a text
   * column numerically, so that 0 would match every key that is not a number.
   *
   * @throws ArgumentError if this is no user, a user of another entity, or one without a key
   */
  keyOf(user: unknown): OwnerKey {
    const { name } = this.metadata;
    if (typeof user !== 'object' || user === null || Array.isArray(user)) {
      throw new ArgumentError(`Expected a user, an instance of ${name}.`);
    }
    if (this.#isOtherEntity(user)) {
      throw new ArgumentError(
        `Expected an instance of ${name}, got one of ${user.constructor.name}.`,
      );
    }
    const value: unknown = this.keyColumn.getEntityValue(user, true);
    const path = `${name}.${this.keyColumn.propertyPath}`;
    // What a transformer of the application's makes of a key is between it and the database.
    const isSet = this.keyColumn.transformer ? value !== undefined && value !== null : isKey(value);
    if (!isSet) {
      const isMissing = value === undefined || value === null || value === '';
      throw new ArgumentError(
        isMissing
          ? `The user has no key: ${path} is not set.`
          : `The user's key ${path} must be a string, a bigint, or a number that is an exact integer.`,
      );
    }
    if (this.keyColumn.transformer) return value as OwnerKey;
    const key = this.parseKey(String(value));
    if (key === undefined) throw new ArgumentError(`The user's key ${path} is of another type.`);
    return key;
  }

  /** The one spelling of a key, by which its owner is counted and locked; undefined for none. */
  parseKey(value: string): OwnerKey | undefined {
    if (this.#isNumeric()) {
      if (!/^-?\d+$/.test(value)) return undefined;
      const exact = BigInt(value);
      return Number.isSafeInteger(Number(exact)) ? Number(exact) : String(exact);
    }
    const { type } = this.#dataSource.options;
    const isUuid = this.keyColumn.type === 'uuid' && (type === 'postgres' || type === 'mariadb');
    if (!isUuid) return value;
    return UUID.test(value) ? value.toLowerCase() : undefined;
  }

  #isNumeric(): boolean {
    const { type } = this.keyColumn;
    return type === Number || (typeof type === 'string' && NUMERIC.test(type));
  }

  /**
   * Whether the user's own entity is none of the owner's: its key would be that of somebody else. It may even extend the
   * owner's class, and yet have a table of its own.
   */
  #isOtherEntity(user: object): boolean {
    const entity = this.#entityOf(user);
    if (entity === undefined || entity === this.metadata.target) return false;
    const { childEntityMetadatas, tablePath } = this.metadata;
    const child = childEntityMetadatas.find(({ target }) => target === entity);
    return child?.tablePath !== tablePath;
  }

  /** The class nearest to the user that is an entity of this data source, or of any other in the process. */
  #entityOf(user: object): unknown {
    const entities = [...getMetadataArgsStorage().tables, ...this.#dataSource.entityMetadatas];
    const classes = new Set<unknown>(entities.map(({ target }) => target));
    let type: unknown = user.constructor;
    while (typeof type === 'function' && !classes.has(type)) type = Object.getPrototypeOf(type);
    return typeof type === 'function' ? type : undefined;
  }
}

/** The name of an entity's table, schema included. */
export function tableOf({ tablePath }: EntityMetadata, dialect: SqlDialect): Sql {
  const names = tablePath.split('.').map((name) => dialect.identifier(name));
  return sql.join(names, '.');
}

function isKey(value: unknown): boolean {
  if (typeof value === 'number') return Number.isSafeInteger(value);
  return typeof value === 'bigint' || (typeof value === 'string' && value !== '');
}
