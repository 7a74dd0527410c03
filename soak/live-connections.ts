import { setTimeout as sleep } from 'node:timers/promises';
import type { Random } from '../test/support/random.ts';
import type { FaultWindows } from './fault-windows.ts';
import { LiveSocket, type Closing } from './live-socket.ts';
import type { KnownToken, Oracle } from './oracle.ts';
import type { RequestSender } from './request-sender.ts';
import type { Stalls } from './stalls.ts';
import { USERS } from './users.ts';

/** How many sockets are open at once, over all processes. */
const CONNECTIONS = 200;

/** How long a connection may outlive its token while the database works, in milliseconds. */
export const NOTICED_MS = 5_000;

/** How often a connection whose token has ended is looked at, in milliseconds. */
const EVERY_MS = 250;

/** The longest rest before a socket is opened, in milliseconds. */
const REST_MS = 3_000;

interface LiveConnectionsOptions {
  readonly processes: number;
  /** How long a connection may outlive its token in a fault, in milliseconds. */
  readonly noticedInFaultsMs: number;
}

/**
 * Sockets that the application closes with their tokens. Each is opened with a token of any user, and when it is closed
 * another one is opened.
 */
export class LiveConnections {
  opened = 0;
  /** How many were closed, by the reason that the client was told. */
  readonly closings: Record<string, number> = {};
  openAfterRevocation = 0;
  closedThoughValid = 0;
  /** From the answer that tells that a token has ended, or from its expiry, to the close of its socket. */
  readonly longestMs = { outsideFaults: 0, insideFaults: 0 };
  /** Each socket that was closed too late or too early, in words. */
  readonly findings: string[] = [];
  readonly #sender: RequestSender;
  readonly #oracle: Oracle;
  readonly #windows: FaultWindows;
  readonly #stalls: Stalls;
  readonly #random: Random;
  readonly #options: LiveConnectionsOptions;
  #stopped = false;

  constructor(
    sender: RequestSender,
    oracle: Oracle,
    windows: FaultWindows,
    stalls: Stalls,
    random: Random,
    options: LiveConnectionsOptions,
  ) {
    this.#sender = sender;
    this.#oracle = oracle;
    this.#windows = windows;
    this.#stalls = stalls;
    this.#random = random;
    this.#options = options;
  }

  /** Resolves after `stop`, when each socket whose token has ended is closed or is late. */
  async run(): Promise<void> {
    await Promise.all(
      Array.from({ length: CONNECTIONS }, async (_, index) => {
        while (!this.#stopped) {
          await sleep(this.#random.next() * REST_MS);
          await this.#connect(index % this.#options.processes);
        }
      }),
    );
  }

  stop(): void {
    this.#stopped = true;
  }

  async #connect(process: number): Promise<void> {
    const user = 1 + this.#random.below(USERS);
    const token = this.#random.pickIfAny(this.#oracle.usable(user));
    if (!token) return;
    const socket = new LiveSocket();
    const use = this.#oracle.use(token);
    const answer = await this.#sender.send(process, 'openLive', { token: token.raw, live: socket });
    if (answer?.status === 200)
      this.#oracle.accepted(use, Date.parse(answer.body.expiry as string));
    else if (answer?.status === 401) this.#oracle.refused(use);
    this.#oracle.used(use, answer?.status !== 401);
    if (answer?.status === 200) {
      this.opened++;
      await this.#watch(socket, token);
    }
    socket.close();
  }

  async #watch(socket: LiveSocket, token: KnownToken): Promise<void> {
    let closing: Closing | null = null;
    let isOver = false;
    while (!closing && !isOver) {
      closing = await Promise.race([socket.closed, sleep(EVERY_MS, null)]);
      const now = closing?.at ?? Date.now();
      const endedAt = this.#oracle.endedAt(token, now);
      if (endedAt !== null) isOver = this.#isLate(token, endedAt, now, closing);
      else if (closing) this.#findEarly(token, closing);
      else isOver = this.#stopped;
    }
    const reason = closing ? closing.reason || 'lost' : 'by the client';
    this.closings[reason] = (this.closings[reason] ?? 0) + 1;
  }

  #isLate(token: KnownToken, endedAt: number, now: number, closing: Closing | null): boolean {
    const ms = now - endedAt;
    const isExcused = this.#isExcused(endedAt, now);
    if (closing) {
      const where = isExcused ? 'insideFaults' : 'outsideFaults';
      this.longestMs[where] = Math.max(this.longestMs[where], ms);
    }
    if (ms <= (isExcused ? this.#options.noticedInFaultsMs : NOTICED_MS)) return false;
    this.openAfterRevocation++;
    const by = token.endedBy ?? (token.refusedAt === null ? 'expiry' : 'a refusal');
    this.#found(`open ${String(ms)} ms after ${by}`, token);
    return true;
  }

  #findEarly(token: KnownToken, { at, reason }: Closing): void {
    // A fault says nothing about a token: it is no excuse for this reason.
    const isExcused = reason !== 'invalid_token' && this.#isExcused(at, at);
    if (isExcused || !this.#oracle.isValid(token, at)) return;
    this.closedThoughValid++;
    this.#found(`closed though valid, with the reason "${reason}"`, token);
  }

  #isExcused(from: number, to: number): boolean {
    return this.#windows.excuses(from, to) || this.#stalls.touches(from, to);
  }

  #found(what: string, { user, ttlMs }: KnownToken): void {
    const at = new Date().toISOString();
    this.findings.push(
      `a socket ${what}: user ${String(user)}, ttl ${String(ttlMs)} ms, ${this.#windows.sinceLast}, at ${at}`,
    );
  }
}
