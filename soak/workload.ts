import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { nameOf } from '../test/support/app-process.ts';
import { PASSWORD } from './app-processes.ts';
import type { KnownToken, Oracle } from './oracle.ts';
import type { Random } from '../test/support/random.ts';
import type { Traffic } from './request-sender.ts';
import { FLOODERS, ORDINARY, SURGERS } from './users.ts';

const WORKERS = 12;

/** Parallel logins of a user who floods, on all processes. */
const FLOOD = 12;

/** How long a worker rests between two actions, at most, in milliseconds. */
const REST_MS = 160;

/** How long an acknowledged revocation waits to be doubted again, in milliseconds. */
const AGAIN_MS = 4_000;

/** How tokens live: as the options say, or as long as the client has asked for. */
const TTLS = { default: null, brief: 1_200, long: 600_000 } as const;

const ACTIONS = {
  login: 18,
  use: 34,
  useAtOnce: 10,
  logout: 16,
  logoutTwice: 4,
  logoutAll: 3,
  unknown: 6,
  expired: 5,
  doubtful: 4,
};

/** How many logins of each user were never answered at all: nobody knows what they left. */
export type Unanswered = Map<number, number>;

/** Users of all kinds, at once. */
export class Load {
  readonly unanswered: Unanswered = new Map();
  unknownAccepted = 0;
  /** Of each revocation, how often a process was asked again and has said no. */
  confirmations = 0;
  readonly #traffic: Traffic;
  readonly #oracle: Oracle;
  readonly #random: Random;
  readonly #processes: number;
  readonly #tokenTtlMs: number;
  readonly #again: { token: KnownToken; at: number }[] = [];
  readonly #surgers = Array.from(
    { length: SURGERS },
    (_, index) => 1 + ORDINARY + FLOODERS + index,
  );
  #stopped = false;

  constructor(
    traffic: Traffic,
    oracle: Oracle,
    random: Random,
    processes: number,
    tokenTtlMs: number,
  ) {
    this.#traffic = traffic;
    this.#oracle = oracle;
    this.#random = random;
    this.#processes = processes;
    this.#tokenTtlMs = tokenTtlMs;
  }

  /** Runs until `stop`. */
  async run(): Promise<void> {
    const flooders = Array.from({ length: FLOODERS }, (_, index) => 1 + ORDINARY + index);
    await Promise.all([
      ...Array.from({ length: WORKERS }, () => this.#repeat(REST_MS, () => this.#act())),
      ...flooders.map((user) => this.#repeat(3_000, () => this.#flood(user))),
      this.#repeat(2_000, () => this.#prune()),
      this.#repeat(100, () => this.#doubtAgain()),
    ]);
  }

  stop(): void {
    this.#stopped = true;
  }

  /**
   * Logins and logouts without a rest, of tokens that live on, so that a fault finds some of them in
   * mid-login: does one that fails leave a token? Ends once `isOver`, or with the first failure.
   */
  async surge(isOver: () => boolean): Promise<void> {
    const one = async (user: number, process: number): Promise<void> => {
      while (!isOver()) {
        const token = await this.#login(user, process, 'long');
        if (!token) return;
        await this.#logout(token);
      }
    };
    const places = this.#surgers.flatMap((user) =>
      Array.from({ length: this.#processes }, (_, process) => one(user, process)),
    );
    await Promise.all(places);
  }

  /** Ends the tokens of the surge one by one: what nobody knows of is left alone. */
  async endSurge(): Promise<void> {
    for (const user of this.#surgers) {
      for (const token of this.#oracle.usable(user)) await this.#logout(token);
    }
  }

  /** Asks all processes for these revoked tokens; what gives no verdict is asked again later. */
  async doubt(tokens: readonly KnownToken[]): Promise<void> {
    const questions = tokens.flatMap((token) =>
      Array.from({ length: this.#processes }, (_, process) => ({ token, process })),
    );
    const asker = async (): Promise<void> => {
      for (let next = questions.pop(); next; next = questions.pop()) {
        const status = await this.#get(next.process, next.token);
        if (status === null || status >= 500)
          this.#again.push({ token: next.token, at: Date.now() + AGAIN_MS });
        else if (status === 401) this.confirmations++;
      }
    };
    await Promise.all(Array.from({ length: 8 }, asker));
  }

  /** Asks for whatever still waits to be doubted again. */
  async doubtRest(): Promise<void> {
    await this.doubt(this.#again.splice(0).map(({ token }) => token));
  }

  async #repeat(restMs: number, act: () => Promise<void>): Promise<void> {
    while (!this.#stopped) {
      await sleep(this.#random.next() * restMs);
      await act();
    }
  }

  async #act(): Promise<void> {
    const user = 1 + this.#random.below(ORDINARY + FLOODERS);
    const token = this.#random.pickIfAny(this.#oracle.usable(user));
    switch (this.#random.weighed(ACTIONS)) {
      case 'login':
        await this.#login(user);
        break;
      case 'use':
        if (token) await this.#get(this.#process(), token);
        break;
      case 'useAtOnce':
        if (token) {
          const gets = Array.from({ length: 4 }, (_, index) =>
            this.#get(index % this.#processes, token),
          );
          await Promise.all(gets);
        }
        break;
      case 'logout':
        if (token) await this.#logout(token);
        break;
      case 'logoutTwice':
        if (token)
          await Promise.all([this.#logout(token), this.#get(0, token), this.#logout(token)]);
        break;
      case 'logoutAll':
        if (token) await this.#logoutAll(token);
        break;
      case 'unknown':
        await this.#unknown();
        break;
      case 'expired':
        await this.#ask(this.#random.pickIfAny(this.#oracle.expired(user)));
        break;
      case 'doubtful':
        await this.#ask(this.#random.pickIfAny(this.#oracle.doubtful(user)));
        break;
    }
  }

  /** Far more logins at once than the limit allows; then, mostly, a clean table for the next flood. */
  async #flood(user: number): Promise<void> {
    const logins = Array.from({ length: FLOOD }, (_, index) =>
      this.#login(user, index % this.#processes),
    );
    await Promise.all(logins);
    const token = this.#random.pickIfAny(this.#oracle.usable(user));
    if (!token) return;
    if (this.#random.next() < 0.6) await this.#logoutAll(token);
    // A logoutall beside the logins of the same user.
    else await Promise.all([this.#login(user), this.#logoutAll(token), this.#login(user)]);
  }

  async #login(
    user: number,
    process = this.#process(),
    kind: keyof typeof TTLS = this.#random.weighed({ default: 5, brief: 3, long: 3 }),
  ): Promise<KnownToken | undefined> {
    const ttlMs = TTLS[kind] ?? this.#tokenTtlMs;
    const headers: Record<string, string> =
      kind === 'default' ? {} : { 'x-ttl': `${String(ttlMs)}ms` };
    const sentAt = Date.now();
    const body = { username: nameOf(user), password: PASSWORD };
    const answer = await this.#traffic.send(process, 'login', { headers, body });
    if (answer === null) this.unanswered.set(user, (this.unanswered.get(user) ?? 0) + 1);
    if (answer?.status !== 200) return undefined;
    const expiry = Date.parse(answer.body.expiry as string);
    const token = this.#oracle.loggedIn(user, answer.body.token as string, expiry, ttlMs, sentAt);
    // What one process has made, the other one takes at once.
    if (this.#random.next() < 0.5) await this.#get((process + 1) % this.#processes, token);
    return token;
  }

  async #get(process: number, token: KnownToken): Promise<number | null> {
    const use = this.#oracle.use(token);
    const answer = await this.#traffic.send(process, 'get', { token: token.raw });
    if (answer?.status === 200)
      this.#oracle.accepted(use, Date.parse(answer.body.expiry as string));
    else if (answer?.status === 401) this.#oracle.refused(use);
    this.#oracle.used(use, answer?.status !== 401);
    return answer?.status ?? null;
  }

  async #ask(token: KnownToken | undefined): Promise<void> {
    if (token) await this.#get(this.#process(), token);
  }

  async #logout(token: KnownToken): Promise<void> {
    const use = this.#oracle.use(token, true);
    const answer = await this.#traffic.send(this.#process(), 'logout', { token: token.raw });
    if (answer?.status === 401) this.#oracle.refused(use, 1);
    else if (answer?.status === 204) {
      this.#oracle.accepted(use);
      this.#oracle.revokedOne(use);
    }
    this.#oracle.used(use, answer?.status !== 401);
    if (answer?.status === 204) await this.#doubtTwice([token]);
  }

  async #logoutAll(token: KnownToken): Promise<void> {
    const use = this.#oracle.use(token);
    const ended = this.#oracle.beginLogoutAll(token.user);
    const answer = await this.#traffic.send(this.#process(), 'logoutall', { token: token.raw });
    const acknowledged = answer?.status === 204;
    if (answer?.status === 401) this.#oracle.refused(use, 1);
    else if (acknowledged) this.#oracle.accepted(use);
    this.#oracle.endLogoutAll(token.user, ended, acknowledged);
    this.#oracle.used(use, answer?.status !== 401);
    if (acknowledged) await this.#doubtTwice(ended);
  }

  async #prune(): Promise<void> {
    await this.#traffic.send(this.#process(), 'prune', {});
  }

  async #unknown(): Promise<void> {
    const token = randomBytes(32).toString('hex');
    const answer = await this.#traffic.send(this.#process(), 'get', { token });
    if (answer?.status === 200) this.unknownAccepted++;
  }

  async #doubtTwice(tokens: readonly KnownToken[]): Promise<void> {
    const at = Date.now() + AGAIN_MS;
    this.#again.push(...tokens.map((token) => ({ token, at })));
    await this.doubt(tokens);
  }

  async #doubtAgain(): Promise<void> {
    const now = Date.now();
    const due = this.#again.filter(({ at }) => at <= now).slice(0, 50);
    if (due.length === 0) return;
    const rest = this.#again.filter((entry) => !due.includes(entry));
    this.#again.splice(0, this.#again.length, ...rest);
    await this.doubt(due.map(({ token }) => token));
  }

  #process(): number {
    return this.#random.below(this.#processes);
  }
}
