import { setTimeout as sleep } from 'node:timers/promises';
import type { DataSource } from 'typeorm';
import type { FaultWindows } from './fault-windows.ts';
import type { Unanswered } from './workload.ts';
import type { Oracle } from './oracle.ts';
import { retryWhileLocked } from './retry-while-locked.ts';

const EVERY_MS = 400;

const SELECT = ['knox_auth_token', 'evicting_token']
  .map((table) => `SELECT digest, user_id AS owner, expiry, name, last_used AS used FROM ${table}`)
  .join(' UNION ALL ');

/**
 * How long a healthy database may hold a token whose login was answered 503, in milliseconds: the
 * longest pause between two attempts to delete it, and the time that a COMMIT may be late.
 */
const COMPENSATION_MS = 20_000;

interface Row {
  readonly digest: string;
  readonly owner: number;
  readonly expiry: number;
  /** Each login names its session differently. */
  readonly name: string;
  readonly used: number | null;
}

/** Reads the whole table at intervals, and checks it. */
export class TableMonitor {
  looks = 0;
  /** The tokens beyond the limit, summed over all looks and users. */
  overLimit = 0;
  /** The digests of tokens that no acknowledged login has made, and that were not deleted in time. */
  readonly left = new Set<string>();
  /** The names of sessions that had two tokens at once: a reauthentication replaces the one by the other. */
  readonly doubled = new Set<string>();
  /** The last use of each session, by its name. */
  readonly #uses = new Map<string, number>();
  /** The names of sessions whose last use was moved back. */
  readonly movedBack = new Set<string>();
  readonly #dataSource: DataSource;
  readonly #oracle: Oracle;
  readonly #windows: FaultWindows;
  readonly #unanswered: Unanswered;
  readonly #limit: number;
  /** The rows of no acknowledged login, with how long each has been there while the database worked. */
  #unknown = new Map<string, { readonly owner: number; healthyMs: number }>();
  #lastHealthyAt: number | null = null;
  #stopped = false;

  constructor(
    dataSource: DataSource,
    oracle: Oracle,
    windows: FaultWindows,
    unanswered: Unanswered,
    limit: number,
  ) {
    this.#dataSource = dataSource;
    this.#oracle = oracle;
    this.#windows = windows;
    this.#unanswered = unanswered;
    this.#limit = limit;
  }

  async run(): Promise<void> {
    while (!this.#stopped) {
      await this.#tryToLook();
      await sleep(EVERY_MS);
    }
  }

  stop(): void {
    this.#stopped = true;
  }

  /**
   * Call it after the last login. Waits `lateMs` for late COMMITs, then until each row belongs to an
   * acknowledged login or has been there for too long.
   */
  async settle(lateMs: number): Promise<void> {
    await sleep(lateMs);
    do await this.#tryToLook();
    while (
      [...this.#unknown.values()].some(({ healthyMs }) => healthyMs < COMPENSATION_MS) &&
      (await sleep(EVERY_MS, true))
    );
  }

  async #tryToLook(): Promise<void> {
    const beganAt = Date.now();
    try {
      await this.#look(beganAt);
    } catch (error) {
      if (!this.#windows.excuses(beganAt, Date.now())) throw error;
    }
  }

  async #look(beganAt: number): Promise<void> {
    const found = await this.#rows();
    // Use the time after the read: every row was inserted before it, so a token that is unexpired now
    // was counted by each later login.
    const endedAt = Date.now();
    this.looks++;
    const rows = found.map((row): Row => ({
      digest: String(row.digest),
      owner: Number(row.owner),
      expiry: Number(row.expiry),
      name: String(row.name),
      used: row.used === null ? null : Number(row.used),
    }));
    this.#oracle.compare(new Set(rows.map(({ digest }) => digest)), beganAt, endedAt);
    const unexpired = rows.filter(({ expiry }) => expiry > endedAt);
    this.#count(unexpired);
    this.#findDoubled(rows);
    this.#compareUses(rows);
    this.#findLeft(unexpired, beganAt, endedAt);
  }

  #rows(): Promise<Record<string, unknown>[]> {
    return retryWhileLocked(() => this.#dataSource.query<Record<string, unknown>[]>(SELECT));
  }

  #count(rows: readonly Row[]): void {
    const held = new Map<number, number>();
    for (const { owner } of rows) held.set(owner, (held.get(owner) ?? 0) + 1);
    for (const count of held.values()) this.overLimit += Math.max(0, count - this.#limit);
  }

  /** How many sessions had a last use. */
  get usesWritten(): number {
    return this.#uses.size;
  }

  #compareUses(rows: readonly Row[]): void {
    for (const { name, used } of rows) {
      const before = this.#uses.get(name);
      if (before !== undefined && (used === null || used < before)) this.movedBack.add(name);
      if (used !== null) this.#uses.set(name, used);
    }
  }

  #findDoubled(rows: readonly Row[]): void {
    const seen = new Set<string>();
    for (const { name } of rows) {
      if (seen.has(name)) this.doubled.add(name);
      seen.add(name);
    }
  }

  /** Finds rows of no acknowledged login that have been there for too long. */
  #findLeft(rows: readonly Row[], beganAt: number, endedAt: number): void {
    const isHealthy = !this.#windows.excuses(beganAt, endedAt);
    const sinceMs = isHealthy && this.#lastHealthyAt !== null ? endedAt - this.#lastHealthyAt : 0;
    this.#lastHealthyAt = isHealthy ? endedAt : null;
    const before = this.#unknown;
    this.#unknown = new Map();
    for (const { digest, owner } of rows) {
      if (this.#oracle.byDigest.has(digest)) continue;
      const seen = before.get(digest);
      const healthyMs = seen ? seen.healthyMs + sinceMs : 0;
      this.#unknown.set(digest, { owner, healthyMs });
    }
    const overdue = new Map<number, string[]>();
    for (const [digest, { owner, healthyMs }] of this.#unknown) {
      if (healthyMs >= COMPENSATION_MS) overdue.set(owner, [...(overdue.get(owner) ?? []), digest]);
    }
    for (const [owner, digests] of overdue) {
      // A login whose process was killed got no answer, so its token may stay.
      for (const digest of digests.slice(this.#unanswered.get(owner) ?? 0)) this.left.add(digest);
    }
  }
}
