import { edit, type Edit, type Plant } from './mutant.ts';

const LOGINS = { tests: ['test/races/logins.test.ts'] };
const REVOCATION = { tests: ['test/races/revocation.test.ts'] };
const EXPIRY = { tests: ['test/races/expiry.test.ts'] };

/** Two processes count at the same time. */
export const NO_LOCK: readonly Edit[] = [
  edit('lib/store/token.store.ts', 'locks: terms.limit !== null', 'locks: false'),
];

/** A 204, and the row stays. */
export const NO_DELETION: readonly Edit[] = [
  edit(
    'lib/service/token.revoker.ts',
    'await answerOrUnavailable(() => this.#store.revoke(digest, deadline))',
    'await Promise.resolve(true)',
  ),
];

/** What every cache of verdicts comes to. */
export const KEPT_VERDICTS: readonly Edit[] = [
  edit(
    'lib/store/token.store.ts',
    `  find(digest: string, deadline: Deadline): Promise<Token | null> {
    return this.#ready.lookup.find(digest, deadline);`,
    `  readonly #kept = new Map<string, Promise<Token | null>>();

  find(digest: string, deadline: Deadline): Promise<Token | null> {
    const kept = this.#kept.get(digest);
    if (kept) return kept;
    const found = this.#ready.lookup.find(digest, deadline);
    this.#kept.set(digest, found);
    setTimeout(() => this.#kept.delete(digest), 2_000).unref();
    return found;`,
  ),
];

/** What two requests, two processes or two connections do to each other. */
export const RACES: readonly Plant[] = [
  {
    name: "A limit is counted without the owner's lock",
    edits: NO_LOCK,
    trial: LOGINS,
    expects: /count what was made meanwhile/,
  },
  {
    name: "A login on PostgreSQL counts at the server's default isolation level",
    edits: [
      edit(
        'lib/database/postgres.dialect.ts',
        "'BEGIN ISOLATION LEVEL READ COMMITTED; '",
        "'BEGIN; '",
      ),
    ],
    trial: LOGINS,
    expects: /on postgres at REPEATABLE READ/,
  },
  {
    name: 'A logout is answered before the row is deleted',
    edits: [
      edit('lib/http/login.flow.ts', 'await this.#revoker.revoke(', 'void this.#revoker.revoke('),
    ],
    trial: REVOCATION,
    expects: /end a token that is being refreshed/,
  },
  {
    name: 'A logout is answered and deletes nothing',
    edits: NO_DELETION,
    trial: REVOCATION,
    expects: /end a token that is being refreshed/,
  },
  {
    name: 'A logout is told by each request that asked for it',
    edits: [
      edit(
        'lib/store/token.store.ts',
        'return (await this.#delete(digest, deadline)) > 0;',
        'return (await this.#delete(digest, deadline)) >= 0;',
      ),
    ],
    trial: REVOCATION,
    expects: /end a token once, however many log it out/,
  },
  {
    name: 'A refresh inserts the row where it is gone, so that a revoked token is back',
    edits: [
      edit(
        'lib/service/token.authenticator.ts',
        `      const written = await this.#store.refresh(
        authToken,
        expiry.getTime(),
        minRefreshInterval,
        deadline,
      );`,
        `      const refreshed = Object.assign(authToken, { expiry });
      const { dataSource, tokenEntity } = this.#store;
      const written = await dataSource.manager.upsert(tokenEntity, refreshed, ['digest']);`,
      ),
    ],
    trial: REVOCATION,
    expects: /end a token that is being refreshed/,
  },
  {
    name: 'A refresh is written over that of another request',
    edits: [
      edit(
        'lib/store/token.sql.ts',
        'AND ${this.#expiry} > ? AND ${this.#expiry} < ?`',
        'AND ${this.#expiry} > ? AND ${this.#expiry} > ? - ${this.#expiry}`',
      ),
    ],
    trial: EXPIRY,
    expects: /of one token are one write/,
  },
  {
    name: 'A refresh of a token that is about to run out does not wait for the logins that count it',
    edits: [
      edit(
        'lib/store/token.store.ts',
        'if (!mayRunOut(token, deadline)) return',
        'if (token) return',
      ),
    ],
    trial: { tests: ['test/faults/locked-row.test.ts'] },
    expects: /is counted by a login that/,
  },
  {
    name: 'A verdict is kept for two seconds',
    edits: KEPT_VERDICTS,
    trial: REVOCATION,
    expects: /end a token that is being refreshed/,
  },
  {
    name: 'Whoever prunes deletes what others are deleting, and counts it',
    edits: [
      edit(
        'lib/store/token.sql.ts',
        'LIMIT ${String(limit)}${this.#skipLocked}`',
        'LIMIT ${String(limit)}`',
      ),
      edit(
        'lib/store/token.scripts.ts',
        `    const { affected } = yield statements.deleteFound(digests.slice(start, start + BATCH));
    deleted += affected;`,
        `    const batch = digests.slice(start, start + BATCH);
    yield statements.deleteFound(batch);
    deleted += batch.length;`,
      ),
    ],
    trial: EXPIRY,
    // The others would wait as long for what never comes.
    expects:
      /on postgres at READ COMMITTED fails none of them and tells each expiry once \(round 1/,
  },
  {
    name: "SQLite writes on the connection, and in the transaction, of the application's own",
    edits: [
      edit(
        'lib/database/sqlite.database.ts',
        'if (isInMemory(this.#dataSource)) return shared;',
        'if (shared) return shared;',
      ),
      edit(
        'lib/database/sqlite.database.ts',
        "if (databaseConnection.inTransaction) throw new ConnectionBusyError('In a transaction.');",
        '',
      ),
    ],
    trial: { tests: ['test/store/sqlite-connections.test.ts'] },
    expects: /SQLite in a file/,
  },
  {
    name: 'A lookup joins a statement that was sent already',
    edits: [
      edit(
        'lib/store/lookup/lookup.batcher.ts',
        `if (batch.length === LARGEST_BATCH) break;
      this.#unsent.delete(digest);`,
        'if (batch.length === LARGEST_BATCH) break;',
      ),
      edit(
        'lib/store/lookup/lookup.batcher.ts',
        'const row = rows.get(group.digest);',
        'const row = rows.get(group.digest);\n      this.#unsent.delete(group.digest);',
      ),
    ],
    trial: { tests: ['test/store/lookup.batcher.test.ts', 'test/store/lookup-batch.test.ts'] },
    expects: /comes after they were sent|was sent before a revocation/,
  },
];
