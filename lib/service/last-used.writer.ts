import { Operation } from '../async/operation.ts';
import { clearTimeout, setTimeout } from '../async/system-timers.ts';
import type { AbstractAuthToken } from '../entities/abstract-auth-token.entity.ts';
import { logFault } from '../events/fault.log.ts';
import type { KnoxSettings } from '../options/runtime-options.ts';
import { storedClient } from '../requests/stored-client.ts';
import type { TokenStore, TokenUse } from '../store/token.store.ts';

/** How long uses are gathered before they are written, in milliseconds. */
const GATHER_MS = 1_000;

/** How many uses one statement writes, and how many are kept at most: the rest is dropped. */
const BATCH_SIZE = 100;
const MAX_GATHERED = 10_000;

/** After a failure, nothing is gathered for so long: a replica that cannot write costs a line in the log a minute. */
const PAUSE_MS = 60_000;

/** Writes when tokens were used, behind the requests: none waits for it, and a use that cannot be written is forgotten. */
export class LastUsedWriter<Token extends AbstractAuthToken = AbstractAuthToken> {
  readonly #settings: KnoxSettings;
  readonly #store: TokenStore<Token>;
  /** By digest; those of the batch that is being written too, so that a token is not gathered again meanwhile. */
  readonly #uses = new Map<string, TokenUse>();
  #isEnabled: boolean | undefined;
  #timer: NodeJS.Timeout | undefined;
  #writing: Promise<void> | undefined;
  #pausedUntil = 0;
  #isClosed = false;

  constructor(settings: KnoxSettings, store: TokenStore<Token>) {
    this.#settings = settings;
    this.#store = store;
  }

  /** Takes note of a use, if the token has a column for it and the last one was long enough ago. */
  note(authToken: Token, op: Operation): void {
    if (!(this.#isEnabled ??= this.#store.schema.features.has('lastUsed'))) return;
    const now = Date.now();
    const { lastUsed } = authToken as { readonly lastUsed?: Date | null };
    if (lastUsed && now - lastUsed.getTime() < this.#settings.lastUsedInterval) return;
    const { digest } = authToken;
    const isDropped = this.#isClosed || now < this.#pausedUntil || this.#uses.size >= MAX_GATHERED;
    if (isDropped || this.#uses.has(digest)) return;
    this.#uses.set(digest, {
      digest,
      at: now,
      ...storedClient(op.client, this.#settings.storedIp),
    });
    this.#timer ??= this.#schedule();
  }

  /** Writes what was gathered. Nothing is gathered any more. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#writing;
    await this.#write();
  }

  #schedule(): NodeJS.Timeout {
    const timer = setTimeout(
      () => {
        this.#writing = this.#write().finally(() => {
          this.#writing = undefined;
          this.#timer = this.#uses.size > 0 && !this.#isClosed ? this.#schedule() : undefined;
        });
      },
      Math.min(GATHER_MS, this.#settings.lastUsedInterval),
    );
    return timer.unref();
  }

  async #write(): Promise<void> {
    const uses = [...this.#uses.values()].sort((a, b) => (a.digest < b.digest ? -1 : 1));
    try {
      for (let start = 0; start < uses.length; start += BATCH_SIZE) {
        const batch = uses.slice(start, start + BATCH_SIZE);
        const op = Operation.within(this.#settings.authTimeout);
        await this.#store.touch(batch, this.#settings.lastUsedInterval, op);
        for (const { digest } of batch) this.#uses.delete(digest);
      }
    } catch (error) {
      this.#uses.clear();
      this.#pausedUntil = Date.now() + PAUSE_MS;
      logFault('The last uses of tokens could not be written', error);
    }
  }
}
