import type { DataSource, EntityMetadata } from 'typeorm';
import type { Row } from '../../database/database.ts';
import type { SqlDialect } from '../../database/sql.dialect.ts';
import { sql, type Sql } from '../../database/sql.ts';

type ColumnMetadata = EntityMetadata['columns'][number];

/**
 * Types of columns whose values no driver of TypeORM's changes on their way to an entity, so that it
 * need not be asked, for each value, which of its types this is.
 */
const UNCHANGED: ReadonlySet<unknown> = new Set([
  String,
  'varchar',
  'character varying',
  'text',
  'char',
  'int',
  'integer',
  'smallint',
  'bigint',
  'uuid',
]);

/** A column of a row, and where its value goes. */
interface ReadColumn {
  readonly key: string;
  readonly column: ColumnMetadata;
  readonly hydrate: (value: unknown) => unknown;
}

/** What a SELECT asks for to get a column's value, if not its name alone. */
type ColumnExpression = (column: ColumnMetadata, name: Sql) => Sql;

/**
 * Makes entities of one class from the rows of a SELECT of ours, with all that TypeORM would do for an
 * entity of columns alone: hydration by the driver, transformers, embedded parts, lazy relations.
 */
export class ColumnReader<Entity extends object> {
  /** What to select from the table of this alias. */
  readonly selection: Sql;
  readonly #metadata: EntityMetadata;
  readonly #columns: readonly ReadColumn[];

  /** @param alias the table's alias in the SELECT, and what the keys of its columns begin with */
  constructor(
    dataSource: DataSource,
    metadata: EntityMetadata,
    alias: string,
    dialect: SqlDialect,
    expression: ColumnExpression = (_, name) => name,
  ) {
    this.#metadata = metadata;
    this.#columns = metadata.columns
      .filter(({ isVirtual, isSelect }) => !isVirtual && isSelect)
      .map((column, index) => ({
        key: `${alias}${String(index)}`,
        column,
        hydrate: hydration(column, dataSource.driver),
      }));
    this.selection = sql.join(
      this.#columns.map(({ key, column }) => {
        const name = sql`${dialect.identifier(alias)}.${dialect.identifier(column.databaseName)}`;
        return sql`${expression(column, name)} AS ${dialect.identifier(key)}`;
      }),
    );
  }

  /**
   * Whether an entity of this class is its columns and nothing else that a SELECT has to bring.
   *
   * @param joined the relation that the SELECT brings by itself
   */
  static supports(
    { driver, options }: DataSource,
    metadata: EntityMetadata,
    joined: string | null,
  ): boolean {
    const { tableType, inheritancePattern, childEntityMetadatas, discriminatorColumn } = metadata;
    const isOneTable =
      tableType === 'regular' &&
      !inheritancePattern &&
      !discriminatorColumn &&
      childEntityMetadatas.length === 0;
    const hasMore = [
      metadata.eagerRelations.filter(({ propertyPath }) => propertyPath !== joined),
      metadata.relationIds,
      // TypeORM 0.3 has it still.
      (metadata as { relationCounts?: unknown[] }).relationCounts ?? [],
      metadata.afterLoadListeners,
    ].some((list) => list.length > 0);
    return (
      isOneTable &&
      !hasMore &&
      metadata.columns.every(
        ({ isVirtualProperty, type }) =>
          !isVirtualProperty &&
          !driver.spatialTypes.includes(type) &&
          // SQLite can read it by a function only.
          !(type === 'jsonb' && options.type === 'better-sqlite3'),
      )
    );
  }

  /** Under which key a row has the value of this property. */
  keyOf(propertyPath: string): string {
    return this.#columns.find(({ column }) => column.propertyPath === propertyPath)?.key ?? '';
  }

  read(row: Row): Entity {
    const entity = this.#metadata.create(undefined, { fromDeserializer: true }) as Entity;
    for (const { key, column, hydrate } of this.#columns) {
      const value = hydrate(row[key]);
      if (column.embeddedMetadata) column.setEntityValue(entity, value);
      else (entity as Record<string, unknown>)[column.propertyName] = value;
    }
    return entity;
  }
}

function hydration(
  column: ColumnMetadata,
  driver: DataSource['driver'],
): (value: unknown) => unknown {
  const { transformer, type, isArray } = column;
  if (!UNCHANGED.has(type) || isArray || Array.isArray(transformer)) {
    return (value) => driver.prepareHydratedValue(value, column) as unknown;
  }
  return transformer ? (value) => transformer.from(value) as unknown : (value) => value;
}
