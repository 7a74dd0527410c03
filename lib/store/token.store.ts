import type { DataSource, QueryRunner } from 'typeorm';
import type { AbstractAuthToken, TokenEntity } from '../entities/abstract-auth-token.entity.ts';
import { openDatabase } from '../database/open-database.ts';
import {
  OutcomeUnknownError,
  type Database,
  type Script,
  type Turn,
} from '../database/database.ts';
import { AppTransactions } from '../database/app-transactions.ts';
import { BackgroundTasks } from '../async/background-tasks.ts';
import type { BaseToken } from '../entities/base-token.ts';
import type { Deadline } from '../async/deadline.ts';
import { disown, lateCommitMs, undo } from './compensating-deletion.ts';
import { retryTransient } from '../async/retry.ts';
import { mayRunOut, shortWait } from './running-out.ts';
import { TokenLookup } from './lookup/token.query.ts';
import type { OwnerKey } from './schema/owner.schema.ts';
import { TokenSchema } from './schema/token.schema.ts';
import {
  deleteExpired,
  deleteOwned,
  refreshUnlocked,
  countAndInsert,
  insertAndCount,
  type InsertTerms,
} from './token.scripts.ts';
import { TokenStatements } from './token.sql.ts';
import { KeyedMutex } from '../async/semaphore.ts';

/** Why there is no token, where the database was fine. */
export type InsertRefusal = 'limit' | 'no_owner';

/** Everything that depends on the data source being up. */
interface Ground<Token extends AbstractAuthToken> {
  readonly schema: TokenSchema;
  readonly database: Database;
  readonly statements: TokenStatements;
  readonly lookup: TokenLookup<Token>;
}

/**
 * The tokens in the database: the one place that speaks TypeORM. Each method answers within its
 * deadline, or throws a DeadlineExceededError or the driver's error.
 */
export class TokenStore<Token extends AbstractAuthToken = AbstractAuthToken> {
  readonly dataSource: DataSource;
  readonly tokenEntity: TokenEntity<Token>;
  readonly transactions: AppTransactions;
  readonly background = new BackgroundTasks();
  readonly #userRelations: readonly string[];
  /** Of many uses of a token at once, one waits for its owner's lock. */
  readonly #runningOut = new KeyedMutex();
  #ground: Ground<Token> | undefined;

  constructor(
    dataSource: DataSource,
    tokenEntity: TokenEntity<Token>,
    userRelations: readonly string[],
  ) {
    this.dataSource = dataSource;
    this.tokenEntity = tokenEntity;
    this.#userRelations = userRelations;
    this.transactions = new AppTransactions(dataSource);
  }

  /** @throws KnoxConfigError if the entities or the driver are not what the package can work with */
  get schema(): TokenSchema {
    return this.#ready.schema;
  }

  /** The token of this digest with its user, or null. */
  find(digest: string, deadline: Deadline): Promise<Token | null> {
    return this.#ready.lookup.find(digest, deadline);
  }

  /** The owner's tokens that are unexpired at `now`, newest first, without their user. */
  list(owner: OwnerKey, now: number, deadline: Deadline): Promise<Token[]> {
    return this.#ready.lookup.list(owner, now, deadline);
  }

  /** The owner of this key as the database has it, or null where it is gone or soft-deleted. */
  findOwner(
    key: OwnerKey,
    deadline: Deadline,
    transaction: QueryRunner | undefined,
  ): Promise<object | null> {
    return this.#ready.lookup.owner(key, deadline, transaction);
  }

  /** A token entity of these values, unsaved. */
  build(values: object): Token {
    const token = this.dataSource.manager.create(this.tokenEntity);
    Object.assign(token, values);
    return token;
  }

  /**
   * Inserts the token, unless its owner is gone or holds as many as the limit allows. After an
   * error or a deadline no row is left.
   *
   * @returns the token, with what the database has filled in, or why there is none
   */
  async insert(
    token: Token,
    terms: InsertTerms,
    deadline: Deadline,
    transaction: QueryRunner | undefined,
  ): Promise<Token | InsertRefusal> {
    const work = this.#insert(token, terms, deadline, transaction);
    try {
      return await this.background.track(deadline.race(work));
    } catch (error) {
      const undoing = this.#ready.statements.delete(token.digest);
      if (transaction) undo(this.background, undoing, deadline, transaction);
      else this.#disown(token.digest, work, lateCommitMs(deadline));
      throw error;
    }
  }

  /** Deletes a token whose login could not be answered, again and again until that is acknowledged. */
  takeBack(digest: string): void {
    this.#disown(digest, Promise.resolve(), 0);
  }

  /**
   * Whether a row was written: not, if others have refreshed or revoked it meanwhile or hold it, if it
   * has run out, or for as little as `gain`.
   */
  async refresh(token: Token, next: number, gain: number, deadline: Deadline): Promise<boolean> {
    const refreshed = (turn: Turn, within: Deadline): Promise<boolean> =>
      this.#transact(turn, within, (sql) => refreshUnlocked(sql, token.digest, next, gain));
    if (!mayRunOut(token, deadline)) return refreshed({ owner: null, locks: false }, deadline);
    const turn = { owner: this.schema.owner.keyOf(token.user), locks: true };
    const behindLock = (): Promise<boolean> => refreshed(turn, shortWait(deadline));
    return (await this.#runningOut.tryRunExclusive(token.digest, behindLock)) ?? false;
  }

  /** Whether there was a token to delete. It is gone, committed, when this resolves. */
  async revoke(digest: string, deadline: Deadline): Promise<boolean> {
    return (await this.#delete(digest, deadline)) > 0;
  }

  /** Deletes all tokens of the owner but one; how many they were. */
  revokeAll(owner: OwnerKey, except: string | null, deadline: Deadline): Promise<number> {
    const turn = { owner, locks: true };
    return this.#transact(turn, deadline, (sql) => deleteOwned(sql, owner, except));
  }

  /**
   * Deletes tokens that are expired at `now`, of one owner or of all: one batch, in a transaction
   * of its own, leaving alone what others hold locked. Fewer than BATCH were the last.
   */
  deleteExpired(owner: OwnerKey | null, now: number, deadline: Deadline): Promise<number> {
    const turn = { owner, locks: false };
    return this.#transact(turn, deadline, (sql) => deleteExpired(sql, owner, now));
  }

  /** Checks the entities while the application starts, if the data source is up by then. */
  async onModuleInit(): Promise<void> {
    if (!this.dataSource.isInitialized) return;
    const { metadata, owner } = this.#prepare().schema;
    const entity = metadata.target as typeof BaseToken;
    await entity.validateSchema(this.dataSource, metadata, owner.metadata);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.background.drain();
    await this.#ground?.database.close();
  }

  get #ready(): Ground<Token> {
    return this.#ground ?? this.#prepare();
  }

  #prepare(): Ground<Token> {
    if (!this.dataSource.isInitialized) throw new Error('The data source is not initialized.');
    const schema = new TokenSchema(this.dataSource, this.tokenEntity);
    const database = openDatabase(this.dataSource, schema);
    const statements = new TokenStatements(this.dataSource, schema, database);
    const ground = {
      dataSource: this.dataSource,
      schema,
      statements,
      database,
      within: this.#within.bind(this),
    };
    const lookup = new TokenLookup<Token>(ground, this.#userRelations);
    return (this.#ground = { schema, database, statements, lookup });
  }

  async #insert(
    token: Token,
    terms: InsertTerms,
    deadline: Deadline,
    runner: QueryRunner | undefined,
  ): Promise<Token | InsertRefusal> {
    const { schema, database, statements, lookup } = this.#ready;
    const script = (): Script<'limit' | null> =>
      (runner ? insertAndCount : countAndInsert)(statements, token, terms);
    const turn = { owner: terms.owner, locks: terms.limit !== null };
    try {
      const refusal = runner
        ? await database.within(runner, turn.locks ? turn.owner : null, script, deadline)
        : await retryTransient(
            () => database.transaction(turn, script, deadline),
            deadline,
            database.isTransient,
          );
      if (refusal !== null) return refusal;
    } catch (error) {
      if (database.isMissingOwner(error)) return 'no_owner';
      throw error;
    }
    if (!schema.hasGeneratedColumns) return token;
    try {
      const saved = await lookup.findSaved(token.digest, deadline, runner);
      Object.assign(token, saved, { user: token.user });
      return token;
    } catch (error) {
      // The row is there, and its owner will not hear of it.
      throw new OutcomeUnknownError(error);
    }
  }

  #disown(digest: string, insert: Promise<unknown>, lateMs: number): void {
    disown(this.background, insert, (deadline) => this.#delete(digest, deadline), lateMs);
  }

  #delete(digest: string, deadline: Deadline): Promise<number> {
    const { database, statements } = this.#ready;
    const statement = statements.delete(digest);
    return this.#within(deadline, () => database.delete(digest, statement, deadline));
  }

  #transact<T>(
    turn: Turn,
    deadline: Deadline,
    script: (statements: TokenStatements) => Script<T>,
  ): Promise<T> {
    const { database, statements } = this.#ready;
    const work = (): Promise<T> => database.transaction(turn, () => script(statements), deadline);
    return this.#within(deadline, work);
  }

  #within<T>(deadline: Deadline, work: () => Promise<T>): Promise<T> {
    const retried = retryTransient(work, deadline, this.#ready.database.isTransient);
    return this.background.track(deadline.race(retried));
  }
}
