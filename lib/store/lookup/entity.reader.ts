import type { DataSource, EntityMetadata } from 'typeorm';
import type { Row } from '../../database/database.ts';
import type { SqlDialect } from '../../database/sql.dialect.ts';
import { sql, type Sql } from '../../database/sql.ts';
import { isToMany, type JoinedRelation } from './joined.relation.ts';

type ColumnMetadata = EntityMetadata['columns'][number];
type RelationMetadata = EntityMetadata['relations'][number];

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
 * Makes entities of one class, with those that are joined to them, from the rows of a SELECT of ours, with all that
 * TypeORM would do for entities of columns alone: hydration by the driver, transformers, embedded parts, lazy relations.
 */
export class EntityReader<Entity extends object> {
  /** What to select from the table of this alias, and from those that are joined to it. */
  readonly selection: Sql;
  readonly #metadata: EntityMetadata;
  readonly #columns: readonly ReadColumn[];
  readonly #primaryKeys: readonly string[];
  readonly #joined: readonly {
    readonly relation: RelationMetadata;
    readonly reader: EntityReader<object>;
  }[];

  /** @param alias the table's alias in the SELECT, and what the keys of its columns begin with */
  constructor(
    dataSource: DataSource,
    metadata: EntityMetadata,
    alias: string,
    dialect: SqlDialect,
    joined: readonly JoinedRelation[],
    expression: ColumnExpression = (_, name) => name,
  ) {
    this.#metadata = metadata;
    this.#columns = metadata.columns
      .filter(({ isVirtual, isSelect }) => !isVirtual && isSelect)
      .map((column, index) => ({
        key: `${alias}_${String(index)}`,
        column,
        hydrate: hydration(column, dataSource.driver),
      }));
    this.#primaryKeys = this.#columns
      .filter(({ column }) => column.isPrimary)
      .map(({ key }) => key);
    this.#joined = joined.map(({ relation, alias: joinAlias, children }) => ({
      relation,
      reader: new EntityReader(
        dataSource,
        relation.inverseEntityMetadata,
        joinAlias,
        dialect,
        children,
      ),
    }));
    const columns = this.#columns.map(({ key, column }) => {
      const name = sql`${dialect.identifier(alias)}.${dialect.identifier(column.databaseName)}`;
      return sql`${expression(column, name)} AS ${dialect.identifier(key)}`;
    });
    this.selection = sql.join([...columns, ...this.#joined.map(({ reader }) => reader.selection)]);
  }

  /**
   * Whether an entity of this class is its columns, and what is joined to it, and nothing else that a SELECT has to
   * bring.
   */
  static supports(
    dataSource: DataSource,
    metadata: EntityMetadata,
    joined: readonly JoinedRelation[],
  ): boolean {
    const { driver, options } = dataSource;
    const { tableType, inheritancePattern, childEntityMetadatas, discriminatorColumn } = metadata;
    const isOneTable =
      tableType === 'regular' &&
      !inheritancePattern &&
      !discriminatorColumn &&
      childEntityMetadatas.length === 0;
    const hasMore = [
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
      ) &&
      joined.every(({ relation: { inverseEntityMetadata: related }, children }) => {
        const isKeyRead = related.primaryColumns.every(({ isSelect }) => isSelect);
        return isKeyRead && EntityReader.supports(dataSource, related, children);
      })
    );
  }

  /** Under which key a row has the value of this property. */
  keyOf(propertyPath: string): string {
    return this.#columns.find(({ column }) => column.propertyPath === propertyPath)?.key ?? '';
  }

  /** @param rows of one entity: one, or one for each row that is joined to it */
  read(rows: readonly Row[]): Entity {
    const entity = this.#metadata.create(undefined, { fromDeserializer: true }) as Entity;
    const row = rows[0] as Row;
    for (const { key, column, hydrate } of this.#columns) {
      const value = hydrate(row[key]);
      if (column.embeddedMetadata) column.setEntityValue(entity, value);
      else (entity as Record<string, unknown>)[column.propertyName] = value;
    }
    for (const { relation, reader } of this.#joined) {
      const related = reader.#readAll(rows);
      relation.setEntityValue(entity, isToMany(relation) ? related : (related[0] ?? null));
    }
    return entity;
  }

  /** The entities of the rows that have one, each once, in the order of their first rows. */
  #readAll(rows: readonly Row[]): Entity[] {
    const groups = new Map<unknown, Row[]>();
    for (const row of rows) {
      const id = this.#idIn(row);
      if (id === null) continue;
      const group = groups.get(id);
      if (group) group.push(row);
      else groups.set(id, [row]);
    }
    return Array.from(groups.values(), (group) => this.read(group));
  }

  /** The primary key in a row, as a value to compare; null if nothing was joined. */
  #idIn(row: Row): unknown {
    const [first, ...others] = this.#primaryKeys.map((key) => row[key] ?? null);
    if (others.length === 0 && typeof first !== 'object') return first;
    const values = [first, ...others];
    return values.every((value) => value === null)
      ? null
      : JSON.stringify(values, (_, value: unknown) =>
          typeof value === 'bigint' ? String(value) : value,
        );
  }
}

/** What makes the value of a property from that of its column. */
export function hydration(
  column: ColumnMetadata,
  driver: DataSource['driver'],
): (value: unknown) => unknown {
  const { transformer, type, isArray } = column;
  if (!UNCHANGED.has(type) || isArray || Array.isArray(transformer)) {
    return (value) => driver.prepareHydratedValue(value, column) as unknown;
  }
  return transformer ? (value) => transformer.from(value) as unknown : (value) => value;
}
