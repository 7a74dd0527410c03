import type { TokenRows } from './token.query.ts';

/** A token that somebody waits for. */
interface Waiting<Token> {
  readonly rows: TokenRows;
  resolve(token: Token | null): void;
  reject(error: unknown): void;
}

/**
 * TypeORM hydrates all rows of a batch in one call, and makes one entity of the rows of a digest. Two requests must not
 * share an entity, so the second request of a digest goes into a second pass. A pass runs in the async context of the
 * first request of the batch.
 */
export class SharedHydration<Token> {
  readonly #hydrate: (rows: TokenRows) => Promise<ReadonlyMap<string, Token>>;
  readonly #digestOf: (row: TokenRows[number] | undefined) => string;
  #waiting: Waiting<Token>[] = [];

  constructor(
    hydrate: (rows: TokenRows) => Promise<ReadonlyMap<string, Token>>,
    digestOf: (row: TokenRows[number] | undefined) => string,
  ) {
    this.#hydrate = hydrate;
    this.#digestOf = digestOf;
  }

  /** The token of these rows. */
  hydrate(rows: TokenRows): Promise<Token | null> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ rows, resolve, reject });
      if (this.#waiting.length === 1) void this.#hydrateAll();
    });
  }

  async #hydrateAll(): Promise<void> {
    // The other lookups of the batch ask within this turn of the promise queue.
    await Promise.resolve();
    let waiting = this.#waiting;
    this.#waiting = [];
    while (waiting.length > 0) {
      const pass = new Map<string, Waiting<Token>>();
      const later: Waiting<Token>[] = [];
      for (const each of waiting) {
        const digest = this.#digestOf(each.rows[0]);
        if (pass.has(digest)) later.push(each);
        else pass.set(digest, each);
      }
      await this.#hydratePass(pass);
      waiting = later;
    }
  }

  /** A row that cannot be hydrated fails its own lookup only. */
  async #hydratePass(pass: ReadonlyMap<string, Waiting<Token>>): Promise<void> {
    try {
      const tokens = await this.#hydrate([...pass.values()].flatMap(({ rows }) => rows));
      for (const [digest, waiting] of pass) waiting.resolve(tokens.get(digest) ?? null);
    } catch (error) {
      for (const [digest, waiting] of pass) {
        if (pass.size === 1) waiting.reject(error);
        else await this.#hydratePass(new Map([[digest, waiting]]));
      }
    }
  }
}
