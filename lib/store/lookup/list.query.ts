import type { DataSource } from 'typeorm';
import type { Connection, Row } from '../../database/database.ts';
import type { SqlDialect } from '../../database/sql.dialect.ts';
import { sql, type Sql } from '../../database/sql.ts';
import type { AbstractAuthToken } from '../../entities/abstract-auth-token.entity.ts';
import type { OwnerKey } from '../schema/owner.schema.ts';
import type { TokenSchema } from '../schema/token.schema.ts';
import { hasLoadSubscriber } from './application-code.ts';
import { EntityReader } from './entity.reader.ts';
import { joinedRelations } from './joined.relation.ts';
import { MAX_BATCH, type Hydrate, type TokenQuery, type TokenRows } from './token.query.ts';

/** The name of the table in the SELECT, and the key under which a row has its owner's key. */
const TOKEN = 't';
const OWNER_KEY = 'owner';

/**
 * The unexpired tokens of owners, newest first, without their owners: one list for each key. It is for entities that are
 * their columns; for all others there is `EntityQuery.list`.
 */
export class ListQuery<Token extends AbstractAuthToken> implements TokenQuery<Token[]> {
  /** A text may be spelled otherwise in a row than in the question, so that it would not tell whose row it is. */
  readonly maxBatch: number;
  /** Whether it gives all that TypeORM would give; a subscriber may be added after the start. */
  readonly isEnough: () => boolean;
  readonly #schema: TokenSchema;
  readonly #dialect: SqlDialect;
  readonly #reader: EntityReader<Token>;
  readonly #owner: Sql;

  constructor(dataSource: DataSource, schema: TokenSchema, dialect: SqlDialect) {
    const { metadata, owner } = schema;
    this.maxBatch = owner.hasTextKey ? 1 : MAX_BATCH.manyRows;
    const isSupported =
      owner.keyColumn.transformer === undefined &&
      joinedRelations(metadata, TOKEN, [], 'user').length === 0 &&
      EntityReader.supports(dataSource, metadata, []);
    this.isEnough = () => isSupported && !hasLoadSubscriber(dataSource);
    this.#schema = schema;
    this.#dialect = dialect;
    this.#owner = sql`${dialect.identifier(TOKEN)}.${schema.column.user}`;
    this.#reader = EntityReader.ofTokens(dataSource, schema, TOKEN, dialect, []);
  }

  /** @param keys of owners, as text */
  async load(
    connection: Connection,
    keys: readonly string[],
  ): Promise<ReadonlyMap<string, TokenRows>> {
    const owners = keys.map((key) => this.#schema.owner.parseKey(key) as OwnerKey);
    const { rows } = await connection.query(this.#statement(owners, Date.now()), true);
    const [asked, ...others] = keys;
    if (asked !== undefined && others.length === 0) return new Map([[asked, rows]]);
    const lists = new Map<string, Row[]>();
    for (const row of rows) {
      const key = String(row[OWNER_KEY]);
      const list = lists.get(key);
      if (list) list.push(row);
      else lists.set(key, [row]);
    }
    return lists;
  }

  hydration(): Hydrate<Token[]> {
    return (rows) => rows.map((row) => this.#reader.read([row]));
  }

  #statement(owners: readonly OwnerKey[], now: number): Sql {
    const { table, column } = this.#schema;
    const of = (name: Sql): Sql => sql`${this.#dialect.identifier(TOKEN)}.${name}`;
    const owner = sql`${this.#owner} AS ${this.#dialect.identifier(OWNER_KEY)}`;
    const isUnexpired = this.#schema.isUnexpired(of(column.expiry), now);
    return sql`SELECT ${this.#reader.selection}, ${owner} FROM ${table} ${this.#dialect.identifier(TOKEN)} WHERE ${this.#isOneOf(owners)} AND ${isUnexpired} ORDER BY ${of(column.created)} DESC, ${of(column.digest)}`;
  }

  #isOneOf(owners: readonly OwnerKey[]): Sql {
    return this.#schema.owner.hasTextKey
      ? this.#dialect.textEquals(this.#owner, owners[0])
      : this.#dialect.anyOf(this.#owner, owners);
  }
}
