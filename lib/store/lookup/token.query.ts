import type { DataSource, QueryRunner } from 'typeorm';
import type { AbstractAuthToken } from '../../entities/abstract-auth-token.entity.ts';
import { CompiledLookup, copyOf } from './column.query.ts';
import { runStatement, type Database, type Row, type Statement } from '../../database/database.ts';
import type { Deadline } from '../../async/deadline.ts';
import { LookupQueue } from './lookup.batcher.ts';
import type { OwnerKey } from '../schema/owner.schema.ts';
import type { TokenSchema } from '../schema/token.schema.ts';
import type { TokenStatements } from '../token.sql.ts';
import { TypeormLookup } from './entity.query.ts';

/** Does work that may be tried again, and answers by the deadline. */
export type Within = <T>(deadline: Deadline, work: () => Promise<T>) => Promise<T>;

/** What a lookup stands on. */
export interface LookupGround {
  readonly dataSource: DataSource;
  readonly schema: TokenSchema;
  readonly statements: TokenStatements;
  readonly database: Database;
  readonly within: Within;
}

/**
 * Tokens and owners as entities: the short way where the entities allow it, else TypeORM's own, with
 * the same verdict. Each asks the database; nothing is kept.
 */
export class TokenLookup<Token extends AbstractAuthToken> {
  readonly #ground: LookupGround;
  readonly #typeorm: TypeormLookup<Token>;
  readonly #compiled: CompiledLookup<Token> | null;
  readonly #queue: LookupQueue<Row, Token> | null;

  /**
   * @throws KnoxConfigError if one of the relations is not the owner's
   */
  constructor(ground: LookupGround, userRelations: readonly string[]) {
    const { dataSource, schema, statements, database } = ground;
    this.#ground = ground;
    this.#typeorm = new TypeormLookup<Token>(dataSource, schema, database, userRelations);
    const isShort = userRelations.length === 0 && CompiledLookup.fits(dataSource, schema);
    this.#compiled = isShort
      ? new CompiledLookup<Token>(dataSource, schema, statements, database)
      : null;
    this.#queue = this.#compiled && this.#queueOf(this.#compiled);
  }

  /** The token of this digest, its owner with it, expired or not; the owner null if soft-deleted. */
  find(digest: string, deadline: Deadline): Promise<Token | null> {
    if (this.#queue && this.#short) return this.#queue.find(digest, deadline);
    return this.#read((runner) => this.#typeorm.byDigest(runner, digest), deadline);
  }

  /** The same, in the application's own transaction if there is one. */
  findSaved(
    digest: string,
    deadline: Deadline,
    transaction: QueryRunner | undefined,
  ): Promise<Token | null> {
    return transaction ? this.#typeorm.byDigest(transaction, digest) : this.find(digest, deadline);
  }

  /** The owner's tokens that are unexpired at `now`, newest first, without their owner. */
  async list(owner: OwnerKey, now: number, deadline: Deadline): Promise<Token[]> {
    const short = this.#short;
    if (!short) return this.#read((runner) => this.#typeorm.byOwner(runner, owner, now), deadline);
    const rows = await this.#select(short.byOwner(owner, now), deadline);
    return rows.map((row) => short.read(row));
  }

  /** The owner of this key, or null where there is none or it is soft-deleted. */
  async owner(
    key: OwnerKey,
    deadline: Deadline,
    transaction: QueryRunner | undefined,
  ): Promise<object | null> {
    const short = this.#short;
    if (!short) {
      const query = (runner: QueryRunner): Promise<object | null> =>
        this.#typeorm.owner(runner, key);
      return transaction ? deadline.race(query(transaction)) : this.#read(query, deadline);
    }
    const statement = short.owner(key);
    const [row] = transaction
      ? (await deadline.race(runStatement(transaction, statement))).rows
      : await this.#select(statement, deadline);
    return row ? short.readOwner(row) : null;
  }

  /** A subscriber that is told of loaded entities may have come since the start. */
  get #short(): CompiledLookup<Token> | null {
    const { subscribers } = this.#ground.dataSource;
    return subscribers.some((subscriber) => subscriber.afterLoad !== undefined)
      ? null
      : this.#compiled;
  }

  #queueOf(compiled: CompiledLookup<Token>): LookupQueue<Row, Token> {
    const { database, within } = this.#ground;
    return new LookupQueue({
      fetch: async (take, deadline) => {
        const make = (): Statement | null => {
          const digests = take();
          return digests.length === 0 ? null : compiled.byDigests(digests);
        };
        const rows = await within(deadline, () => database.lookUp(make, deadline));
        return new Map(rows.map((row) => [compiled.digestOf(row), row]));
      },
      read: (row) => compiled.readWithOwner(row),
      copy: copyOf,
    });
  }

  #select(statement: Statement, deadline: Deadline): Promise<readonly Row[]> {
    return this.#read(async (runner) => (await runStatement(runner, statement)).rows, deadline);
  }

  #read<T>(query: (runner: QueryRunner) => Promise<T>, deadline: Deadline): Promise<T> {
    const { database, within } = this.#ground;
    return within(deadline, () => database.read(query, deadline));
  }
}
