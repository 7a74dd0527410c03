import type { DataSource, EntityMetadata } from 'typeorm';
import type { RowLock, SqlDialect } from '../database/sql.dialect.ts';
import { sql, type Sql } from '../database/sql.ts';
import type { AbstractAuthToken } from '../entities/abstract-auth-token.entity.ts';
import { EPOCH_MILLISECONDS, ZONE_OFFSETS } from '../entities/instant.format.ts';
import { instantTransformer } from '../entities/instant.transformer.ts';
import { LAST_INSTANT } from '../tokens/expiry.ts';
import type { OwnerKey } from './schema/owner.schema.ts';
import type { TokenSchema } from './schema/token.schema.ts';

type ColumnMetadata = EntityMetadata['columns'][number];

/** What a token becomes when its holder has proved a password again. */
export interface Replacement {
  /** The new digest. */
  readonly by: string;
  readonly tokenKey: string;
  /** In epoch milliseconds, as `now` is. */
  readonly expiry: number | null;
  readonly now: number;
}

/** Which of an owner's tokens go, to make room for another one. */
export interface Eviction {
  readonly by: 'oldest' | 'least-used';
  /** The instant at which tokens count as expired, in epoch milliseconds. */
  readonly now: number;
  /** How many. */
  readonly count: number;
  /** The digest of the one that stays. */
  readonly except: string | null;
}

/** A use of a token. What is null is not written. */
export interface TokenUse {
  readonly digest: string;
  /** In epoch milliseconds. */
  readonly at: number;
  readonly ip: string | null;
  readonly userAgent: string | null;
}

/**
 * The statements for one table of tokens, made from the entity's metadata. Instants go in as epoch
 * milliseconds. No statement that changes rows is without a WHERE.
 */
export class TokenSql {
  readonly #dataSource: DataSource;
  readonly #schema: TokenSchema;
  readonly #dialect: SqlDialect;
  /** The digest under a name that does not depend on the column's. */
  readonly #digest: Sql;
  /** The expiry in epoch milliseconds. */
  readonly #expiry: Sql;
  /** Ends a SELECT of rows to delete. */
  readonly #limit: Sql;

  constructor(dataSource: DataSource, schema: TokenSchema, dialect: SqlDialect) {
    this.#dataSource = dataSource;
    this.#schema = schema;
    this.#dialect = dialect;
    this.#digest = sql`${schema.column.digest} AS ${dialect.identifier('digest')}`;
    this.#expiry = schema.toEpoch(schema.column.expiry);
    this.#limit = sql.raw(`LIMIT ${String(dialect.deleteBatchSize)}`);
  }

  /** The lock that an owner's logins take. Versions side by side must lock by the same name. */
  ownerLock(owner: OwnerKey): RowLock {
    const { table, key } = this.#schema.owner;
    return {
      name: `nestjs-knox:${this.#schema.metadata.tablePath}:${String(owner)}`,
      table,
      key,
      value: owner,
    };
  }

  insert(token: AbstractAuthToken): Sql {
    const { table, insertColumns } = this.#schema;
    if (!insertColumns) return this.#insertByTypeorm(token);
    const names = insertColumns.map(({ databaseName }) => this.#dialect.identifier(databaseName));
    const values = insertColumns.map((column) => this.#valueOf(column, token));
    return sql`INSERT INTO ${table} (${sql.join(names)}) VALUES (${sql.join(values)})`;
  }

  countUnexpired(owner: OwnerKey, now: number): Sql {
    const { table, column } = this.#schema;
    const total = this.#dialect.identifier('total');
    return sql`SELECT COUNT(*) AS ${total} FROM ${table} WHERE ${this.#equals(column.user, owner)} AND ${this.#isUnexpired(now)}`;
  }

  /** The same, of all that is committed by now and of what the transaction has inserted itself. */
  countCommitted(owner: OwnerKey, now: number): Sql {
    return sql`${this.countUnexpired(owner, now)}${this.#dialect.currentRead}`;
  }

  /**
   * Moves an expiry forward. It never touches the row of a token that is revoked or expired, or that another request
   * has refreshed meanwhile.
   */
  refresh(digest: string, expiry: number, now: number, minGain: number): Sql {
    const { table, column, instants } = this.#schema;
    return sql`UPDATE ${table} SET ${column.expiry} = ${instants.toStored(expiry)} WHERE ${this.#hasDigest(digest)} AND ${this.#expiry} > ${now} AND ${this.#expiry} < ${expiry - minGain}`;
  }

  rename(digest: string, name: string | null, now: number): Sql {
    const { table, column } = this.#schema;
    return sql`UPDATE ${table} SET ${column.name} = ${name} WHERE ${this.#hasDigest(digest)} AND ${this.#isUnexpired(now)}`;
  }

  /** Gives an unexpired token another digest: from its commit on, nobody can use the old one. */
  replace(digest: string, { by, now, tokenKey, expiry }: Replacement): Sql {
    const { table, column, instants } = this.#schema;
    const changes = [
      sql`${column.digest} = ${by}`,
      sql`${column.tokenKey} = ${tokenKey}`,
      sql`${column.expiry} = ${expiry === null ? null : instants.toStored(expiry)}`,
      sql`${column.authenticated} = ${now}`,
    ];
    return sql`UPDATE ${table} SET ${sql.join(changes)} WHERE ${this.#hasDigest(digest)} AND ${this.#isUnexpired(now)}`;
  }

  /** The owner's unexpired tokens that go first to make room, but not the one of the digest `except`. */
  digestsToEvict(owner: OwnerKey, eviction: Eviction): Sql {
    const { column, table } = this.#schema;
    const { by, now, count, except } = eviction;
    const created = this.#schema.toEpoch(column.created);
    const since = by === 'least-used' ? sql`COALESCE(${column.lastUsed}, ${created})` : created;
    const isOther = except === null ? sql.empty : sql` AND ${column.digest} <> ${except}`;
    return sql`SELECT ${this.#digest} FROM ${table} WHERE ${this.#equals(column.user, owner)} AND ${this.#isUnexpired(now)}${isOther} ORDER BY ${since}, ${created}, ${column.digest} LIMIT ${sql.raw(String(count))}`;
  }

  /** The same, of all that is committed by now and of what the transaction has inserted itself. */
  digestsToEvictNow(owner: OwnerKey, eviction: Eviction): Sql {
    return sql`${this.digestsToEvict(owner, eviction)}${this.#dialect.currentRead}`;
  }

  /** Locks the rows of these tokens, in the order of their digests, but not those that others have locked. */
  lockDigests(digests: readonly string[]): Sql {
    const { table, column } = this.#schema;
    return sql`SELECT ${this.#digest} FROM ${table} WHERE ${this.#dialect.anyOf(column.digest, digests)} ORDER BY ${column.digest}${this.#dialect.skipLocked}`;
  }

  /** Writes when and by which client tokens were used, if that is later than what is written by more than `minGain`. */
  touch(uses: readonly TokenUse[], minGain: number): Sql {
    const { table, column, features } = this.#schema;
    const byDigest = (name: Sql, valueOf: (use: TokenUse) => Sql): Sql => {
      const cases = uses.map((use) => sql`WHEN ${use.digest} THEN ${valueOf(use)}`);
      return sql`${name} = CASE ${column.digest} ${sql.join(cases, ' ')} END`;
    };
    const kept = (name: Sql, value: string | null): Sql => (value === null ? name : sql`${value}`);
    const at = ({ at: instant }: TokenUse): Sql => sql.raw(String(instant));
    const changes = [byDigest(column.lastUsed, at)];
    if (features.has('ip')) changes.push(byDigest(column.ip, ({ ip }) => kept(column.ip, ip)));
    if (features.has('userAgent')) {
      changes.push(
        byDigest(column.userAgent, ({ userAgent }) => kept(column.userAgent, userAgent)),
      );
    }
    // The earliest counts for all, so that none is moved back.
    const before = sql.raw(String(Math.min(...uses.map((use) => use.at)) - minGain));
    const isEarlier = sql`(${column.lastUsed} IS NULL OR ${column.lastUsed} < ${before})`;
    const digests = uses.map(({ digest }) => digest);
    return this.#dialect.updateByKey(table, column.digest, digests, sql.join(changes), isEarlier);
  }

  delete(digest: string): Sql {
    return sql`DELETE FROM ${this.#schema.table} WHERE ${this.#hasDigest(digest)}`;
  }

  /** Deletes rows by the digests that a SELECT has found. */
  deleteByDigests(digests: readonly string[]): Sql {
    const { table, column } = this.#schema;
    return this.#dialect.deleteByKey(table, column.digest, digests);
  }

  /** Those of the digests that there still are. */
  selectDigests(digests: readonly string[]): Sql {
    const { table, column } = this.#schema;
    return sql`SELECT ${this.#digest} FROM ${table} WHERE ${this.#dialect.anyOf(column.digest, digests)}`;
  }

  /** How many rows one transaction deletes. */
  get batchSize(): number {
    return this.#dialect.deleteBatchSize;
  }

  /** A batch of the owner's tokens, but not the one of the digest `except`. */
  digestsOfOwner(owner: OwnerKey, except: string | null): Sql {
    return sql`${this.#digestsOf(owner, except)} ${this.#limit}`;
  }

  /** The same in the order of their digests, from the one after `after`. */
  digestsOfOwnerAfter(owner: OwnerKey, after: string): Sql {
    const { digest } = this.#schema.column;
    return sql`${this.#digestsOf(owner, null)} AND ${digest} > ${after} ORDER BY ${digest} ${this.#limit}`;
  }

  #digestsOf(owner: OwnerKey, except: string | null): Sql {
    const { table, column } = this.#schema;
    const isOther = except === null ? sql.empty : sql` AND ${column.digest} <> ${except}`;
    return sql`SELECT ${this.#digest} FROM ${table} WHERE ${this.#equals(column.user, owner)}${isOther}`;
  }

  /** Locks the token's row and selects its digest; nothing where the row is gone, or locked by others. */
  lockDigest(digest: string): Sql {
    return sql`SELECT ${this.#digest} FROM ${this.#schema.table} WHERE ${this.#hasDigest(digest)}${this.#dialect.skipLocked}`;
  }

  /**
   * A batch of tokens to delete at `now`, of one owner or of all; it leaves out those that others have locked. If there are
   * several statements, each finds what those before do not.
   */
  expiredDigests(owner: OwnerKey | null, now: number): readonly Sql[] {
    const { table } = this.#schema;
    return this.#areExpired(owner, now).map(
      (condition) =>
        sql`SELECT ${this.#digest} FROM ${table} WHERE ${condition} ${this.#limit}${this.#dialect.skipLocked}`,
    );
  }

  /**
   * For all owners, each is a range of the index on the expiry, in its order: for both ranges at once, PostgreSQL would
   * read the table from its beginning, past all that are good, for each batch.
   */
  #areExpired(owner: OwnerKey | null, now: number): readonly Sql[] {
    const { instants, column } = this.#schema;
    if (owner !== null) {
      return [sql`${this.#equals(column.user, owner)} AND ${this.#isSurelyExpired(now)}`];
    }
    if (instants !== EPOCH_MILLISECONDS) return [this.#isSurelyExpired(now)];
    return [sql`${this.#expiry} <= ${now}`, this.#isUnreadable].map(
      (condition) => sql`${condition} ORDER BY ${this.#expiry}`,
    );
  }

  /** An expiry that no Date can hold. */
  get #isUnreadable(): Sql {
    return sql`${this.#expiry} > ${sql.raw(String(LAST_INSTANT))}`;
  }

  /** The token's digest, if it is to be deleted at `now`; nothing where others have locked its row. */
  expiredDigest(digest: string, now: number): Sql {
    return sql`SELECT ${this.#digest} FROM ${this.#schema.table} WHERE ${this.#hasDigest(digest)} AND ${this.#isSurelyExpired(now)}${this.#dialect.skipLocked}`;
  }

  #isUnexpired(now: number): Sql {
    return this.#schema.isUnexpired(this.#schema.column.expiry, now);
  }

  /**
   * Whether a token is expired, whatever the zone of the program that wrote it. West of UTC, local time that is read as
   * UTC lies up to twelve hours back: a good token looks expired, and as if made an hour ago or earlier.
   */
  #isSurelyExpired(now: number): Sql {
    const { instants, column } = this.#schema;
    const isExpired = sql`${this.#expiry} <= ${now}`;
    if (instants.hasZone) return sql`(${isExpired} OR ${this.#isUnreadable})`;
    const { leastWest, mostWest } = ZONE_OFFSETS;
    const created = this.#schema.toEpoch(column.created);
    const isNew = sql`${created} > ${now - leastWest} AND ${created} <= ${now}`;
    return sql`(${this.#expiry} <= ${now - mostWest} OR ${isExpired} AND ${isNew} OR ${this.#isUnreadable})`;
  }

  #hasDigest(digest: string): Sql {
    return this.#dialect.textEquals(this.#schema.column.digest, digest);
  }

  #equals(column: Sql, key: OwnerKey): Sql {
    return typeof key === 'string'
      ? this.#dialect.textEquals(column, key)
      : sql`${column} = ${key}`;
  }

  #valueOf(column: ColumnMetadata, token: AbstractAuthToken): unknown {
    const value: unknown = column.getEntityValue(token);
    const stored: unknown =
      value instanceof Date && this.#schema.isInstant(column)
        ? this.#stored(value)
        : this.#dataSource.driver.preparePersistentValue(value, column);
    return stored ?? null;
  }

  /** For columns that the database fills in, or that need SQL around their value. */
  #insertByTypeorm(token: AbstractAuthToken): Sql {
    const [text, parameters] = this.#dataSource
      .createQueryBuilder()
      .insert()
      .into(this.#schema.metadata.target)
      .values(this.#withStoredInstants(token))
      .updateEntity(false)
      .getQueryAndParameters();
    return sql.rendered(text, parameters);
  }

  /** The query builder knows no formats: a copy of the token with its instants as SQL. */
  #withStoredInstants(token: AbstractAuthToken): AbstractAuthToken {
    if (this.#schema.instants === EPOCH_MILLISECONDS) return token;
    const literal = (value: Date | null): unknown => {
      if (value === null) return null;
      const stored = this.#stored(value);
      return () => (typeof stored === 'number' ? String(stored) : `'${stored}'`);
    };
    const copy = Object.create(Object.getPrototypeOf(token) as object) as AbstractAuthToken;
    const [created, expiry] = [literal(token.created), literal(token.expiry)];
    return Object.assign(copy, token, { created, expiry });
  }

  #stored(instant: Date): string | number {
    return this.#schema.instants.toStored(instantTransformer.to(instant) as number);
  }
}
