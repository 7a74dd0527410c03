import { types } from 'node:util';
import type { DataSource } from 'typeorm';
import type { AbstractAuthToken } from '../../entities/abstract-auth-token.entity.ts';
import type { Database, Row, Statement } from '../../database/database.ts';
import { EntityReader } from './column.reader.ts';
import type { OwnerKey } from '../schema/owner.schema.ts';
import type { TokenSchema } from '../schema/token.schema.ts';
import { isInstant, OWNER_ALIAS, TOKEN_ALIAS, type TokenStatements } from '../token.sql.ts';

/** The key of the column that says when an owner was soft-deleted. */
const DELETION_KEY = 'deletion';

/**
 * The short way from a digest to entities: SQL that is made once, and rows that are read by what the
 * metadata says. For entities that are their columns; for all others see TypeormLookup.
 */
export class CompiledLookup<Token extends AbstractAuthToken> {
  readonly #statements: TokenStatements;
  readonly #tokens: EntityReader<Token>;
  readonly #owners: EntityReader<object>;
  readonly #digestKey: string;
  readonly #selection: string;
  readonly #takesArrays: boolean;
  /** The SQL for so many digests. */
  readonly #byDigests: string[] = [];

  constructor(
    dataSource: DataSource,
    schema: TokenSchema,
    statements: TokenStatements,
    { takesArrays }: Database,
  ) {
    this.#takesArrays = takesArrays;
    const { metadata, owner, instants } = schema;
    this.#statements = statements;
    this.#tokens = new EntityReader(dataSource, metadata, TOKEN_ALIAS, (column, name) =>
      isInstant(column) ? instants.toEpochSql(name) : name,
    );
    this.#owners = new EntityReader(dataSource, owner.metadata, OWNER_ALIAS);
    this.#digestKey = this.#tokens.keyOf('digest');
    const escape = (name: string): string => dataSource.driver.escape(name);
    const deletion =
      owner.deletion === null
        ? ''
        : `, ${escape(OWNER_ALIAS)}.${owner.deletion} AS ${escape(DELETION_KEY)}`;
    this.#selection = `${this.#tokens.selection}, ${this.#owners.selection}${deletion}`;
  }

  /** Whether the entities are such as can be read this way. */
  static fits(dataSource: DataSource, { metadata, owner }: TokenSchema): boolean {
    return (
      EntityReader.canRead(dataSource, metadata, 'user') &&
      EntityReader.canRead(dataSource, owner.metadata, null)
    );
  }

  byDigests(digests: readonly string[]): Statement {
    const { length } = digests;
    const sql = (this.#byDigests[length] ??= this.#statements.selectWithOwner(
      this.#selection,
      length,
    ));
    // Hexadecimal: nothing in it needs escaping.
    const isArray = this.#takesArrays && length > 1;
    return { sql, parameters: isArray ? [`{${digests.join(',')}}`] : digests };
  }

  digestOf(row: Row): string {
    return String(row[this.#digestKey]);
  }

  /** A token and its owner, the latter null where it is soft-deleted. */
  readWithOwner(row: Row): Token {
    const token = this.#tokens.read(row);
    const isDeleted = (row[DELETION_KEY] ?? null) !== null;
    (token as { user: object | null }).user = isDeleted ? null : this.#owners.read(row);
    return token;
  }

  byOwner(owner: OwnerKey, now: number): Statement {
    return this.#statements.selectUnexpired(this.#tokens.selection, owner, now);
  }

  read(row: Row): Token {
    return this.#tokens.read(row);
  }

  owner(key: OwnerKey): Statement {
    return this.#statements.selectOwner(this.#owners.selection, key);
  }

  readOwner(row: Row): object {
    return this.#owners.read(row);
  }
}

/** A row with values of its own, or undefined where one of them is of a kind unknown here. */
export function copyOf(row: Row): Row | undefined {
  const copy: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(row)) {
    if (!isCopyable(value)) return undefined;
    copy[key] = copied(value);
  }
  return copy;
}

/** What drivers make of a value: primitives, dates, bytes, and JSON. */
function isCopyable(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || types.isDate(value)) return true;
  if (Buffer.isBuffer(value)) return true;
  if (Array.isArray(value)) return value.every(isCopyable);
  const prototype: unknown = Object.getPrototypeOf(value);
  const isPlain = prototype === null || Object.getPrototypeOf(prototype) === null;
  return isPlain && Object.values(value).every(isCopyable);
}

function copied(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (types.isDate(value)) return new Date(value);
  if (Buffer.isBuffer(value)) return Buffer.from(value);
  if (Array.isArray(value)) return value.map(copied);
  return Object.fromEntries(Object.entries(value).map(([key, part]) => [key, copied(part)]));
}
