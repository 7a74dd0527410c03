import { setTimeout as sleep } from 'node:timers/promises';
import { ERRORS } from '../support/errors.ts';
import type { Answer, HttpClient } from '../support/http-client.ts';
import { login } from '../support/numbered-users.ts';
import { repeat } from '../support/repeat.ts';
import { USERS } from './apps.ts';

/** How long a client rests after each turn, in milliseconds. */
const REST_MS = 50;

/** How many sessions a client has when it ends its oldest one, and how often it ends all of them. */
const SESSIONS = 5;
const TURNS_TO_LOGOUT_ALL = 10;

/** How many tokens are asked for at once at the end. */
const PARALLEL = 20;

/** A token of a login that was acknowledged. Times are those of `performance.now()`. */
interface KnownToken {
  readonly raw: string;
  readonly madeAt: number;
  /** When the request was sent that ends it; 0: never. */
  endSentAt: number;
  /** When its revocation was acknowledged; 0: never. */
  endedAt: number;
  isRefused: boolean;
}

interface Use {
  readonly token: KnownToken;
  readonly sentAt: number;
  readonly status: number;
}

/** The column `token_key` of a token's row. */
const keyOf = ({ raw }: KnownToken): string => raw.slice(0, 15);

/** Whether a token's end, if there is one, came before the moment. */
const isEnded = (end: number, moment: number): boolean => end > 0 && end < moment;

/** Clients that log in, use their tokens and revoke them, and remember every answer. */
export class FailoverLoad {
  readonly #client: HttpClient;
  readonly #tokens: KnownToken[] = [];
  readonly #uses: Use[] = [];
  readonly #goodAt: number[] = [];
  readonly #unavailableAt: number[] = [];
  /** Answers that nothing explains. */
  readonly surprises: string[] = [];
  #running: Promise<unknown> | undefined;
  #isStopped = false;

  constructor(client: HttpClient) {
    this.#client = client;
  }

  /**
   * @param clients how many there are, each with a user: so few that no write waits long for a connection
   * @param logins how many logins of other users come at once before, which open connections
   */
  async start(clients: number, logins: number): Promise<void> {
    await repeat(logins, (index) => this.#login(1 + clients + (index % (USERS - clients))));
    this.#running = repeat(clients, (index) => this.#work(index + 1));
    // `stop` throws it.
    this.#running.catch(() => undefined);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    await this.#running;
  }

  /** When the latest 503 came. */
  get lastUnavailableAt(): number {
    return this.#unavailableAt.at(-1) ?? 0;
  }

  /** How many 503s came. */
  get unavailable(): number {
    return this.#unavailableAt.length;
  }

  /** When the first answer came, after this moment, that is no 503. */
  firstGoodAfter(moment: number): number {
    return this.#goodAt.find((at) => at > moment) ?? Number.NaN;
  }

  /** For how many milliseconds all answers were good; NaN if there was no good one after this moment. */
  goodFor(moment: number): number {
    return performance.now() - Math.max(this.firstGoodAfter(moment), this.lastUnavailableAt);
  }

  /** How many revocations were acknowledged since this moment. */
  revokedSince(moment: number): number {
    return this.#tokens.filter(({ endedAt }) => endedAt >= moment).length;
  }

  /** Asks for every token whose state is known. */
  async askForAll(): Promise<void> {
    const known = this.#tokens.filter(({ endSentAt, endedAt }) => endSentAt > 0 === endedAt > 0);
    await repeat(PARALLEL, async () => {
      for (let token = known.pop(); token; token = known.pop()) await this.#use(token);
    });
  }

  /**
   * @param at the keys of the tokens in a table, as `token_key` has them
   * @param movedAt when the address was pointed at the server that took over
   */
  judge(at: Tables, movedAt: number): Judgement {
    const revoked = this.#tokens.filter(({ endedAt }) => endedAt > 0);
    const revokedBefore = revoked.filter(({ endedAt }) => endedAt < movedAt);
    const revokedAfter = revoked.filter(({ endedAt }) => endedAt >= movedAt);
    const isIn = (keys: ReadonlySet<string>) => (token: KnownToken) => keys.has(keyOf(token));
    const lostRevocations = new Set(revokedBefore.filter(isIn(at.takeover)));
    const lostLogins = new Set(
      this.#tokens
        .filter(({ madeAt, endSentAt }) => madeAt < movedAt && !isEnded(endSentAt, movedAt))
        .filter((token) => !isIn(at.takeover)(token)),
    );
    const known = new Set(this.#tokens.map(keyOf));
    return {
      revokedBefore: revokedBefore.length,
      revokedAfter: revokedAfter.length,
      refusedAlive: this.#uses.filter(
        ({ token, status, sentAt }) =>
          status === 401 && !isEnded(token.endSentAt, sentAt) && !lostLogins.has(token),
      ).length,
      acceptedRevoked: this.#uses.filter(
        ({ token, status, sentAt }) =>
          status === 200 && isEnded(token.endedAt, sentAt) && !lostRevocations.has(token),
      ).length,
      notCommitted:
        revokedBefore.filter(isIn(at.lost)).length + revokedAfter.filter(isIn(at.end)).length,
      lostRevocations: lostRevocations.size,
      lostLogins: lostLogins.size,
      leftByFailedLogins: [...at.end].filter((key) => !known.has(key)).length,
    };
  }

  async #work(user: number): Promise<void> {
    let sessions: KnownToken[] = [];
    for (let turn = 1 + user; !this.#isStopped; turn++) {
      await sleep(REST_MS);
      const token = await this.#login(user);
      if (token) sessions.push(token);
      for (const session of sessions.slice(-3)) await this.#use(session);
      sessions = sessions.filter(({ isRefused }) => !isRefused);
      if (sessions.length < SESSIONS) continue;
      const all = turn % TURNS_TO_LOGOUT_ALL === 0;
      const [oldest, ...others] = sessions.splice(0, all ? SESSIONS : 1) as [KnownToken];
      await this.#end([oldest, ...others], all ? '/auth/logoutall' : '/auth/logout');
      await this.#use(oldest);
    }
  }

  async #login(user: number): Promise<KnownToken | undefined> {
    const { status, body } = this.#noted('login', [200], await login(this.#client, user));
    if (status !== 200) return undefined;
    const token: KnownToken = {
      raw: body.token as string,
      madeAt: performance.now(),
      endSentAt: 0,
      endedAt: 0,
      isRefused: false,
    };
    this.#tokens.push(token);
    return token;
  }

  async #use(token: KnownToken): Promise<void> {
    const sentAt = performance.now();
    const answer = await this.#client.get('/me', { token: token.raw });
    const { status } = this.#noted('use', [200, 401], answer);
    if (status === 401) token.isRefused = true;
    this.#uses.push({ token, sentAt, status });
  }

  /** @param tokens those that the request ends; the first one goes with it */
  async #end(tokens: readonly [KnownToken, ...KnownToken[]], path: string): Promise<void> {
    const sentAt = performance.now();
    for (const token of tokens) token.endSentAt = sentAt;
    const [token] = tokens;
    const answer = await this.#client.post(path, { token: token.raw });
    const { status } = this.#noted('end', [204, 401], answer);
    this.#uses.push({ token, sentAt, status });
    if (status !== 204) return;
    for (const ended of tokens) ended.endedAt = performance.now();
  }

  #noted(kind: string, expected: readonly number[], answer: Answer): Answer {
    const { status, text } = answer;
    if (expected.includes(status)) this.#goodAt.push(performance.now());
    else if (text === JSON.stringify(ERRORS.unavailable) && status === 503) {
      this.#unavailableAt.push(performance.now());
    } else this.surprises.push(`${kind}: ${String(status)} ${text}`);
    return answer;
  }
}

/** Keys of the tokens in the tables. */
export interface Tables {
  /** Of the server that was lost, once it is started again by itself. */
  readonly lost: ReadonlySet<string>;
  /** Of the server that took over, when it did, and at the end. */
  readonly takeover: ReadonlySet<string>;
  readonly end: ReadonlySet<string>;
}

export interface Judgement {
  /** Revocations that were acknowledged before the address moved, and later. */
  readonly revokedBefore: number;
  readonly revokedAfter: number;
  /** Tokens that were refused though nobody had ended them, and their logins were not lost. */
  readonly refusedAlive: number;
  /** Tokens that were accepted after their acknowledged revocations, though these were not lost. */
  readonly acceptedRevoked: number;
  /** Acknowledged revocations that the server which acknowledged them does not know. */
  readonly notCommitted: number;
  /** What the lost server acknowledged and the other one has not received. */
  readonly lostRevocations: number;
  readonly lostLogins: number;
  /** Rows of logins that were no success for the client. */
  readonly leftByFailedLogins: number;
}
