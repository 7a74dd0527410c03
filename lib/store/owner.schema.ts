import type { DataSource, EntityMetadata } from 'typeorm';

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
  /** The escaped names of its table and of its key column. */
  readonly table: string;
  readonly key: string;
  /** The `isActive` column, if it has one. */
  readonly activeColumn: ColumnMetadata | undefined;
  readonly #dataSource: DataSource;

  constructor(dataSource: DataSource, metadata: EntityMetadata, joinColumn: ColumnMetadata) {
    const escape = (name: string): string => dataSource.driver.escape(name);
    this.#dataSource = dataSource;
    this.metadata = metadata;
    this.keyColumn = joinColumn.referencedColumn as ColumnMetadata;
    this.table = metadata.tablePath.split('.').map(escape).join('.');
    this.key = escape(this.keyColumn.databaseName);
    this.activeColumn = metadata.findColumnWithPropertyName('isActive');
  }

  /** Whether its keys are text, which a database may compare loosely. */
  get hasTextKey(): boolean {
    return !this.#isNumeric();
  }

  /** Whether this is an instance of the owner's class, loaded or made by the application. */
  isInstance(user: object): boolean {
    return typeof this.metadata.target === 'function' && user instanceof this.metadata.target;
  }

  /** True, false, or undefined where the instance was loaded without the column that says so. */
  activeByColumn(user: object): boolean | undefined {
    if (!this.activeColumn) return true;
    const value: unknown = this.activeColumn.getEntityValue(user);
    return value === undefined ? undefined : value === true || value === 1;
  }

  /** True, false, or undefined where the instance was loaded without the column that says so. */
  isSoftDeleted(user: object): boolean | undefined {
    if (!this.metadata.deleteDateColumn) return false;
    const value: unknown = this.metadata.deleteDateColumn.getEntityValue(user);
    return value === undefined ? undefined : value !== null;
  }

  /**
   * The key of a user, checked before it comes near a query: MariaDB compares a number with a text
   * column numerically, so that 0 would match every key that is not a number.
   *
   * @throws TypeError if this is no user, a user of another entity, or one without a key
   */
  keyOf(user: unknown): OwnerKey {
    const { name } = this.metadata;
    if (typeof user !== 'object' || user === null || Array.isArray(user)) {
      throw new TypeError(`Expected a user, an instance of ${name}.`);
    }
    if (!this.isInstance(user) && this.#isOtherEntity(user)) {
      throw new TypeError(`Expected an instance of ${name}, got one of ${user.constructor.name}.`);
    }
    const value: unknown = this.keyColumn.getEntityValue(user);
    const path = `${name}.${this.keyColumn.propertyPath}`;
    if (!isKey(value)) throw new TypeError(`The user has no key: ${path} is not set.`);
    if (this.keyColumn.transformer) return this.keyColumn.getEntityValue(user, true) as OwnerKey;
    if (!this.#fits(String(value)))
      throw new TypeError(`The user's key ${path} is of another type.`);
    return typeof value === 'number' && this.#isNumeric() ? value : String(value);
  }

  #fits(value: string): boolean {
    if (this.#isNumeric()) return /^-?\d+$/.test(value);
    const isUuid = this.#dataSource.options.type === 'postgres' && this.keyColumn.type === 'uuid';
    return !isUuid || UUID.test(value);
  }

  #isNumeric(): boolean {
    const { type } = this.keyColumn;
    return type === Number || (typeof type === 'string' && NUMERIC.test(type));
  }

  #isOtherEntity(user: object): boolean {
    const constructor: unknown = user.constructor;
    return (
      typeof constructor === 'function' &&
      constructor !== Object &&
      this.#dataSource.hasMetadata(constructor)
    );
  }
}

function isKey(value: unknown): value is string | number | bigint {
  if (typeof value === 'number') return Number.isSafeInteger(value);
  return typeof value === 'bigint' || (typeof value === 'string' && value !== '');
}
