import type { DataSource, QueryRunner } from 'typeorm';
import type { BackgroundTasks } from '../async/background-tasks.ts';
import { KeyedMutex } from '../async/keyed-mutex.ts';
import type { Operation } from '../async/operation.ts';
import { AppTransactions } from '../database/app-transactions.ts';
import {
  OutcomeUnknownError,
  queryByTypeorm,
  type Connection,
  type Statements,
} from '../database/database.ts';
import { sourceOf } from '../database/typeorm-internals.ts';
import type { AbstractAuthToken, TokenEntity } from '../entities/abstract-auth-token.entity.ts';
import type { BaseToken } from '../entities/base-token.ts';
import { AppDeletion } from './app-deletion.ts';
import { CompensatingDeletion } from './compensating-deletion.ts';
import type { TokenStatus } from './lookup/status.query.ts';
import { openStore, type OpenStore, type TokenStoreOptions } from './open-store.ts';
import type { OwnerKey } from './schema/owner.schema.ts';
import type { TokenSchema } from './schema/token.schema.ts';
import {
  countAndInsert,
  deleteExpired,
  deleteFound,
  insertAndCount,
  refreshIfUnlocked,
  touchUnlocked,
  RowKeptError,
  type DeletedBatch,
  type DeletedTokens,
  type InsertLimit,
  type InsertOutcome,
} from './token.scripts.ts';
import type { Replacement, TokenSql, TokenUse } from './token.sql.ts';

export type { DeletedBatch, OwnerKey, Replacement, TokenSchema, TokenStatus, TokenUse };

/** Is told the digests of tokens that are gone, once that is committed. */
export type DeletionListener = (digests: readonly string[]) => void;

/** How long a use of a token may wait for its owner's lock to refresh it, in milliseconds. */
const MAX_REFRESH_WAIT_MS = 500;

/** What came of an insert: why there is no token, if so, and how many others were deleted to make room. */
interface Insertion {
  readonly refusal: 'limit' | 'no_owner' | null;
  readonly evicted: number;
}

/**
 * The tokens in the database. Each method answers by the operation's deadline, or throws a
 * DeadlineExceededError, an OverloadError or the driver's error.
 */
export class TokenStore<Token extends AbstractAuthToken = AbstractAuthToken> {
  readonly tokenEntity: TokenEntity<Token>;
  readonly transactions: AppTransactions;
  readonly #dataSource: DataSource;
  readonly #tasks: BackgroundTasks;
  readonly #options: TokenStoreOptions<Token>;
  readonly #compensation: CompensatingDeletion;
  /** One transaction of an owner at a time: a few logins of one user would hold all connections, for one lock. */
  readonly #owners = new KeyedMutex();
  /** One deletion of a token at a time, for the same reason. */
  readonly #rows = new KeyedMutex();
  /** One refresh of a token at a time waits for its owner's lock; the others are skipped. */
  readonly #refreshes = new KeyedMutex();
  readonly #deletionListeners = new Set<DeletionListener>();
  #opened: OpenStore<Token> | undefined;

  constructor(dataSource: DataSource, tasks: BackgroundTasks, options: TokenStoreOptions<Token>) {
    this.tokenEntity = options.tokenEntity;
    this.transactions = new AppTransactions(dataSource);
    this.#dataSource = dataSource;
    this.#tasks = tasks;
    this.#options = options;
    this.#compensation = new CompensatingDeletion(tasks, (...args) => this.#delete(...args));
  }

  /** Whether its transactions hold up the event loop. */
  get isInProcess(): boolean {
    return this.#open().database.dialect.isInProcess;
  }

  /** Whether the data source is up, as it need not be while the application starts. */
  get isReady(): boolean {
    return this.#dataSource.isInitialized;
  }

  /**
   * What the token entity and its owner are like.
   *
   * @throws KnoxConfigError if the entities or the driver are not such as the package can work with
   */
  get schema(): TokenSchema {
    return this.#open().schema;
  }

  /** The token of this digest with its user, which is null if soft-deleted; null if there is no token. */
  find(digest: string, op: Operation): Promise<Token | null> {
    return this.#open().lookups.find(digest, op);
  }

  /** The same, for tokens that are checked in the background, with what says whether they are good and no more. */
  check(digest: string, op: Operation): Promise<TokenStatus | null> {
    return this.#open().checks.find(digest, op);
  }

  /**
   * The same for many in one statement, by digest, without a promise for each: these would cost more than their rows. Null
   * where the application's code has a say, which may take its time for each.
   */
  checkAll(
    digests: readonly string[],
    op: Operation,
  ): Promise<ReadonlyMap<string, TokenStatus>> | null {
    const { database, status, isStatusEnough } = this.#open();
    if (!isStatusEnough()) return null;
    const read = database.connect('lookup', op, (own) => status.readAll(own, digests));
    return this.#answer(op, read);
  }

  /**
   * Tells of each token that this store deletes, or gives another digest, for whatever reason. Of what it deletes in the
   * application's transaction it tells after the commit.
   *
   * @returns ends that
   */
  onDeleted(listener: DeletionListener): () => void {
    this.#deletionListeners.add(listener);
    return () => this.#deletionListeners.delete(listener);
  }

  /** The owner's unexpired tokens, newest first, without their user. */
  async list(owner: OwnerKey, op: Operation): Promise<Token[]> {
    const { database, entities, lists } = this.#open();
    if (lists.query.isEnough()) return (await lists.batcher.find(String(owner), op)) ?? [];
    return this.#answer(
      op,
      database.connect('read', op, (connection) => entities.list(connection, owner, Date.now())),
    );
  }

  /** The owner's unexpired token of this public id, without its user; null if there is none. */
  async findByPublicId(
    owner: OwnerKey,
    id: string,
    now: number,
    op: Operation,
  ): Promise<Token | null> {
    const { database, entities } = this.#open();
    const [found = null] = await this.#answer(
      op,
      database.connect('read', op, (connection) => entities.list(connection, owner, now, id)),
    );
    return found;
  }

  /** Whether there was an unexpired token to rename. */
  async rename(digest: string, name: string | null, op: Operation): Promise<boolean> {
    const { database, sql } = this.#open();
    const rename = this.#rows.runExclusive(digest, op, () =>
      database.execute(sql.rename(digest, name, Date.now()), op),
    );
    const { affected } = await this.#answer(op, rename);
    return affected > 0;
  }

  /**
   * Gives a token another digest, and its owner's lock keeps logins from counting it meanwhile. False if it is gone or
   * expired. After an error there is no token of the new digest, nor will there be: if its row was changed, it is deleted.
   */
  async replace(token: Token, replacement: Replacement, op: Operation): Promise<boolean> {
    const owner = this.schema.owner.keyOf(token.user);
    const { by } = replacement;
    const { database, sql } = this.#open();
    const replace = this.#owners.runExclusive(String(owner), op, async () => {
      const isReplaced = await database.transaction(sql.ownerLock(owner), op, function* () {
        const { affected } = yield sql.replace(token.digest, replacement);
        return affected > 0;
      });
      if (isReplaced) this.#tellDeleted([token.digest]);
      return isReplaced;
    });
    try {
      return await this.#answer(op, replace);
    } catch (error) {
      this.#compensation.schedule(by, replace, commitGraceOf(op));
      throw error;
    }
  }

  /** Writes uses of tokens that are later than what is written by more than `minGain` milliseconds. */
  touch(uses: readonly TokenUse[], minGain: number, op: Operation): Promise<void> {
    return this.#transact(null, false, op, (sql) => touchUnlocked(sql, uses, minGain));
  }

  /** The owner of this key as the database has it, or null if it is gone or soft-deleted. */
  findOwner(key: OwnerKey, op: Operation, transaction?: QueryRunner): Promise<object | null> {
    const { database, entities } = this.#open();
    const find = (connection: Connection): Promise<object | null> =>
      entities.findOwner(connection, key);
    return this.#answer(
      op,
      transaction ? find(this.#connectionOf(transaction)) : database.connect('read', op, find),
    );
  }

  /** A token entity of these values, unsaved. */
  build(values: object): Token {
    const token = this.#dataSource.manager.create(this.tokenEntity);
    Object.assign(token, values);
    return token;
  }

  /**
   * Inserts the token, and gives it what the database has filled in; or says why there is none: its owner is gone, or
   * holds as many as the limit allows. After an error no row is left, or will be.
   */
  async insert(
    token: Token,
    limit: InsertLimit,
    op: Operation,
    transaction?: QueryRunner,
  ): Promise<Insertion> {
    const insert = this.#insert(token, limit, op, transaction);
    try {
      return await this.#answer(op, insert);
    } catch (error) {
      const { timeoutMs } = op.deadline;
      if (transaction) this.#compensation.scheduleIn(transaction, token.digest, timeoutMs);
      else this.#compensation.schedule(token.digest, insert, commitGraceOf(op));
      throw error;
    }
  }

  /** Deletes a token whose login could not be answered, with retries until the database confirms. */
  ensureDeleted(digest: string): void {
    this.#compensation.schedule(digest);
  }

  /**
   * Moves the expiry forward. False if no row was written: others have refreshed or revoked the token or hold its row,
   * it has expired, or the gain is less than `minGain` milliseconds.
   */
  async refresh(token: Token, expiry: number, minGain: number, op: Operation): Promise<boolean> {
    const script = (sql: TokenSql): Statements<boolean> =>
      refreshIfUnlocked(sql, token.digest, expiry, minGain);
    if (!mayExpireBeforeCommit(token, op)) return this.#transact(null, false, op, script);
    // This token may expire before the refresh commits. A parallel login would then not count it, and the user would
    // exceed the limit; so lock the owner. If the lock does not come in time, the refresh is skipped.
    const owner = this.schema.owner.keyOf(token.user);
    const refreshed = await this.#refreshes.tryRunExclusive(token.digest, () =>
      this.#transact(owner, true, op.shorten(MAX_REFRESH_WAIT_MS), script),
    );
    return refreshed ?? false;
  }

  /**
   * Whether there was a token to delete. It is gone, committed, when this resolves; in the application's transaction,
   * when that commits.
   *
   * @throws RowKeptError
   * @throws IsolationLevelError if it is there, but the transaction cannot see it
   */
  async delete(digest: string, op: Operation, transaction?: QueryRunner): Promise<boolean> {
    if (transaction) {
      const count = await this.#answer(op, this.#deletionIn(transaction).each([digest], op));
      this.#tellDeleted([digest], transaction);
      return count === 1;
    }
    const deleted = await this.#answer(op, this.#delete(digest, op));
    if (deleted === 0 && (await this.find(digest, op)) !== null) throw new RowKeptError();
    return deleted > 0;
  }

  /**
   * Deletes a batch of the owner's tokens, but not the one of the digest `except`, and the one of the digest `last` only
   * with the last batch. It is committed when this resolves, so that a user of any number of tokens can be logged out.
   *
   * @throws RowKeptError
   */
  deleteBatch(
    owner: OwnerKey,
    { except, last }: { readonly except: string | null; readonly last: string | null },
    op: Operation,
  ): Promise<DeletedBatch> {
    return this.#deleteFound(owner, true, op, (sql) =>
      deleteFound(sql, sql.digestsOfOwner(owner, except ?? last), last),
    );
  }

  /**
   * Deletes the owner's tokens, but not the one of the digest `except`, in the application's transaction; how many they
   * were. Each batch may take as long as the operation: what is given up is rolled back, so that a second try would not
   * get further.
   *
   * @throws RowKeptError
   * @throws IsolationLevelError if there is a token that the transaction cannot see
   */
  deleteAllIn(
    transaction: QueryRunner,
    owner: OwnerKey,
    except: string | null,
    { deadline }: Operation,
  ): Promise<number> {
    const tell: DeletionListener = (digests) => {
      this.#tellDeleted(digests, transaction);
    };
    return this.#tasks.track(
      this.#deletionIn(transaction).ofOwner(owner, except, deadline.timeoutMs, tell),
    );
  }

  /**
   * Deletes a batch of the tokens that are expired at `now`, of one owner or of all, leaving alone those that others
   * have locked.
   *
   * @throws RowKeptError
   */
  deleteExpired(owner: OwnerKey | null, now: number, op: Operation): Promise<DeletedBatch> {
    return this.#deleteFound(owner, false, op, (sql) => deleteExpired(sql, owner, now));
  }

  /**
   * Deletes this token if it is expired at `now`, unless others have locked it.
   *
   * @throws RowKeptError
   */
  deleteIfExpired(digest: string, now: number, op: Operation): Promise<DeletedBatch> {
    return this.#rows.runExclusive(digest, op, () =>
      this.#deleteFound(null, false, op, (sql) => deleteFound(sql, sql.expiredDigest(digest, now))),
    );
  }

  /**
   * The same for all owners, but null if another process is doing so at this moment and the database can say so.
   *
   * @throws RowKeptError
   */
  prune(now: number, op: Operation): Promise<DeletedBatch | null> {
    const { database, schema, sql } = this.#open();
    const name = `nestjs-knox:prune:${schema.metadata.tablePath}`;
    const work = async (): Promise<DeletedBatch | null> => {
      const batch = await database.transactionAlone(name, op, () => deleteExpired(sql, null, now));
      if (batch) this.#tellDeleted(batch.digests);
      return batch && withoutDigests(batch);
    };
    return this.#answer(op, work());
  }

  /**
   * Compares the entities with what the package can work with, and with their tables, if the data source is up.
   *
   * @throws KnoxConfigError
   */
  async open(): Promise<void> {
    if (!this.isReady) return;
    const { metadata, owner } = this.schema;
    const entity = metadata.target as typeof BaseToken;
    await entity.validateSchema(this.#dataSource, metadata, owner.metadata);
  }

  async close(): Promise<void> {
    await this.#opened?.database.close();
  }

  #open(): OpenStore<Token> {
    if (!this.isReady) throw new Error('The data source is not initialized.');
    const source = sourceOf(this.#dataSource);
    const opened = this.#opened;
    if (opened && opened.source === source) return opened;
    return (this.#opened = openStore(this.#dataSource, this.#options));
  }

  async #insert(
    token: Token,
    limit: InsertLimit,
    op: Operation,
    transaction?: QueryRunner,
  ): Promise<Insertion> {
    const { schema, database, sql } = this.#open();
    const { owner } = limit;
    const lock = limit.limit === null ? null : sql.ownerLock(owner);
    let evicted = 0;
    let outcome: InsertOutcome;
    try {
      do {
        outcome = await (transaction
          ? database.runIn(transaction, lock, op, () => insertAndCount(sql, token, limit))
          : this.#owners.runExclusive(String(owner), op, () =>
              database.transaction(lock, op, () => countAndInsert(sql, token, limit)),
            ));
        evicted += outcome.evicted;
        this.#tellDeleted(outcome.digests, transaction);
      } while (outcome.kind === 'more');
    } catch (error) {
      // The row that is not there may be another one that the token refers to.
      const isReference = database.classify(error) === 'missing_reference';
      if (isReference && (await this.findOwner(owner, op)) === null) {
        return { refusal: 'no_owner', evicted };
      }
      throw error;
    }
    if (outcome.kind === 'limit') return { refusal: 'limit', evicted };
    if (schema.hasGeneratedColumns) await this.#readBack(token, op, transaction);
    return { refusal: null, evicted };
  }

  /** Fills in the columns that the database has filled in. */
  async #readBack(token: Token, op: Operation, transaction?: QueryRunner): Promise<void> {
    const { entities } = this.#open();
    try {
      const saved = await (transaction
        ? entities.find(this.#connectionOf(transaction), token.digest)
        : this.find(token.digest, op));
      Object.assign(token, saved, { user: token.user });
    } catch (error) {
      // The row is there, and its owner will not hear of it.
      throw new OutcomeUnknownError(error);
    }
  }

  async #delete(digest: string, op: Operation, transaction?: QueryRunner): Promise<number> {
    const { database, sql } = this.#open();
    const statement = sql.delete(digest);
    if (transaction) return (await this.#connectionOf(transaction).query(statement)).affected;
    return this.#rows.runExclusive(digest, op, async () => {
      const { affected } = await database.execute(statement, op);
      if (affected > 0) this.#tellDeleted([digest]);
      return affected;
    });
  }

  async #deleteFound(
    owner: OwnerKey | null,
    isLocked: boolean,
    op: Operation,
    script: (sql: TokenSql) => Statements<DeletedTokens>,
  ): Promise<DeletedBatch> {
    const batch = await this.#transact(owner, isLocked, op, script, ({ digests }) => {
      this.#tellDeleted(digests);
    });
    return withoutDigests(batch);
  }

  /** Tells who listens. */
  #tellDeleted(digests: readonly string[], transaction?: QueryRunner): void {
    if (this.#deletionListeners.size === 0 || digests.length === 0) return;
    this.transactions.onCommit(transaction, () => {
      for (const listener of this.#deletionListeners) listener(digests);
    });
  }

  #transact<T>(
    owner: OwnerKey | null,
    isLocked: boolean,
    op: Operation,
    script: (sql: TokenSql) => Statements<T>,
    onCommit: (result: T) => void = () => undefined,
  ): Promise<T> {
    const { database, sql } = this.#open();
    const lock = owner !== null && isLocked ? sql.ownerLock(owner) : null;
    const work = async (): Promise<T> => {
      const result = await database.transaction(lock, op, () => script(sql));
      // Also when it is late, and the caller has been told that it failed.
      onCommit(result);
      return result;
    };
    return this.#answer(
      op,
      owner === null ? work() : this.#owners.runExclusive(String(owner), op, work),
    );
  }

  #deletionIn(transaction: QueryRunner): AppDeletion {
    const { database, sql } = this.#open();
    return new AppDeletion(database, sql, transaction);
  }

  #connectionOf(runner: QueryRunner): Connection {
    const { dialect } = this.#open().database;
    return { runner, query: (statement) => queryByTypeorm(runner, statement, dialect) };
  }

  /** Answers by the deadline; a shutdown waits for it. */
  #answer<T>(op: Operation, work: Promise<T>): Promise<T> {
    return this.#tasks.track(op.race(work));
  }
}

/**
 * How long a COMMIT whose answer is lost may still take effect, in milliseconds: the server keeps an idle transaction
 * for `timeoutMs`, then runs its COMMIT for at most `timeoutMs`. One second is slack.
 */
function commitGraceOf({ deadline }: Operation): number {
  return 2 * deadline.timeoutMs + 1_000;
}

/** Whether a token may expire before a transaction that begins now has committed. */
function mayExpireBeforeCommit({ expiry }: { expiry: Date | null }, op: Operation): boolean {
  return Number(expiry) - Date.now() < op.deadline.remaining + commitGraceOf(op);
}

/** Who deletes a batch is told how many there were; which, hear those who listen. */
function withoutDigests({ deleted, isFull }: DeletedTokens): DeletedBatch {
  return { deleted, isFull };
}
