import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { nameOf } from '../test/support/app-process.ts';
import { PASSWORD } from './app-processes.ts';
import { EVICTING_TTL_MS } from './evicting-token.ts';
import { LATE_MS, publicIdOf, type KnownToken, type Oracle, type TokenUse } from './oracle.ts';
import type { Random } from '../test/support/random.ts';
import type { RequestKind, RequestSender } from './request-sender.ts';
import type { SoakAnswer, SoakSending } from './transports.ts';
import {
  BURSTING_USERS,
  EVICTING_USERS,
  FLOODING_USERS,
  isEvicting,
  NORMAL_USERS,
} from './users.ts';

const WORKERS = 12;

/** How many parallel logins a flooding user sends, over all processes. */
const FLOOD = 12;

/** The longest rest of a worker between two actions, in milliseconds. */
const REST_MS = 160;

/** How long after its revocation a token is checked again, in milliseconds. */
const RECHECK_DELAY_MS = 4_000;

/** Lifetimes that a client asks for, in milliseconds; null: the default of the options. */
const TTLS = { default: null, brief: 1_200, long: 600_000 } as const;

const ACTIONS = {
  login: 18,
  use: 34,
  useAtOnce: 10,
  logout: 16,
  logoutTwice: 4,
  logoutAll: 3,
  endOthers: 2,
  endOne: 10,
  endOneAtOnce: 9,
  list: 8,
  unknown: 6,
  expired: 5,
  uncertain: 4,
};

/** The ways to do the same: over HTTP, as a GraphQL operation, and as a message of a socket that stays open. */
const GETS = { get: 6, getCurrent: 2, getByGraphql: 2, getBySocket: 2 } as const;
const LOGOUTS = { logout: 6, logoutByGraphql: 2, logoutBySocket: 2 } as const;
const LOGOUTALLS = { logoutall: 3, logoutallByGraphql: 1 } as const;

/** The requests of which only one can end a token: each is told whether it did. A logout is not, so it is none of them. */
const ENDS = { reauthenticate: 4, consume: 3, endById: 3 } as const;

type EndKind = keyof typeof ENDS;

/** How many logins and reauthentications of each user got no answer: each may have left a token. */
export type Unanswered = Map<number, number>;

/** The requests of users of all kinds, at the same time. */
export class Workload {
  readonly unanswered: Unanswered = new Map();
  unknownAccepted = 0;
  /** How often a process refused a revoked token when asked again. */
  confirmations = 0;
  readonly #sender: RequestSender;
  readonly #oracle: Oracle;
  readonly #random: Random;
  readonly #processes: number;
  readonly #tokenTtlMs: number;
  readonly #tokenLimit: number;
  readonly #pendingRechecks: { token: KnownToken; at: number }[] = [];
  readonly #burstingUsers = Array.from(
    { length: BURSTING_USERS },
    (_, index) => 1 + NORMAL_USERS + FLOODING_USERS + index,
  );
  /** Until when each evicting user rests after a failure. */
  readonly #restUntil = new Map<number, number>();
  #names = 0;
  #stopped = false;

  constructor(
    sender: RequestSender,
    oracle: Oracle,
    random: Random,
    processes: number,
    { tokenTtlMs, tokenLimit }: { readonly tokenTtlMs: number; readonly tokenLimit: number },
  ) {
    this.#sender = sender;
    this.#oracle = oracle;
    this.#random = random;
    this.#processes = processes;
    this.#tokenTtlMs = tokenTtlMs;
    this.#tokenLimit = tokenLimit;
  }

  /** Runs until `stop`. */
  async run(): Promise<void> {
    const floodingUsers = Array.from(
      { length: FLOODING_USERS },
      (_, index) => 1 + NORMAL_USERS + index,
    );
    const evictingUsers = Array.from(
      { length: EVICTING_USERS },
      (_, index) => 1 + NORMAL_USERS + FLOODING_USERS + BURSTING_USERS + index,
    );
    await Promise.all([
      ...Array.from({ length: WORKERS }, () => this.#repeat(REST_MS, () => this.#act())),
      ...floodingUsers.map((user) => this.#repeat(3_000, () => this.#flood(user))),
      ...evictingUsers.map((user) => this.#repeat(1_000, () => this.#evict(user))),
      this.#repeat(2_000, () => this.#prune()),
      this.#repeat(100, () => this.#recheckDue()),
    ]);
  }

  stop(): void {
    this.#stopped = true;
  }

  /**
   * Logins, reauthentications and logouts without a rest, so that a fault interrupts some of them; one that fails must
   * not leave a token. Their tokens have a long lifetime, so that one that is left can be seen. Each
   * worker ends when `isOver` is true, or at its first failure.
   */
  async burst(isOver: () => boolean): Promise<void> {
    const one = async (user: number, process: number): Promise<void> => {
      while (!isOver()) {
        const token = await this.#login(user, process, 'long');
        if (!token) return;
        const [latest] = await this.#end(token, ['reauthenticate']);
        if (!latest) return;
        await this.#logout(latest);
      }
    };
    const workers = this.#burstingUsers.flatMap((user) =>
      Array.from({ length: this.#processes }, (_, process) => one(user, process)),
    );
    await Promise.all(workers);
  }

  /** Logs the known tokens of the burst out one by one. A logoutall would hide a token that is left. */
  async endBurst(): Promise<void> {
    for (const user of this.#burstingUsers) {
      const uncertain = this.#oracle.uncertain(user).filter(({ refusedAt }) => refusedAt === null);
      for (const token of [...this.#oracle.usable(user), ...uncertain]) await this.#logout(token);
    }
  }

  /** Sends these revoked tokens to all processes. A token that gets a 503 is sent again later. */
  async recheck(tokens: readonly KnownToken[]): Promise<void> {
    const questions = tokens.flatMap((token) =>
      Array.from({ length: this.#processes }, (_, process) => ({ token, process })),
    );
    const asker = async (): Promise<void> => {
      for (let next = questions.pop(); next; next = questions.pop()) {
        const status = await this.#get(next.process, next.token);
        if (status === null || status >= 500)
          this.#pendingRechecks.push({ token: next.token, at: Date.now() + RECHECK_DELAY_MS });
        else if (status === 401) this.confirmations++;
      }
    };
    await Promise.all(Array.from({ length: 8 }, asker));
  }

  /** Checks all tokens that still wait to be checked again. */
  async recheckPending(): Promise<void> {
    await this.recheck(this.#pendingRechecks.splice(0).map(({ token }) => token));
  }

  async #repeat(restMs: number, act: () => Promise<void>): Promise<void> {
    while (!this.#stopped) {
      await sleep(this.#random.next() * restMs);
      await act();
    }
  }

  async #act(): Promise<void> {
    const user = 1 + this.#random.below(NORMAL_USERS + FLOODING_USERS);
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
      case 'endOthers':
        if (token) await this.#logoutAll(token, true);
        break;
      case 'endOne':
        if (token) await this.#end(token, [this.#random.weighed(ENDS)]);
        break;
      case 'endOneAtOnce':
        if (token) {
          const kind = this.#random.weighed(ENDS);
          const areAlike = this.#random.chance(0.5);
          const kinds = Array.from({ length: 2 + this.#random.below(3) }, () =>
            areAlike ? kind : this.#random.weighed(ENDS),
          );
          await this.#end(token, kinds);
        }
        break;
      case 'list':
        if (token) await this.#list(token);
        break;
      case 'unknown':
        await this.#unknown();
        break;
      case 'expired':
        await this.#ask(this.#random.pickIfAny(this.#oracle.expired(user)));
        break;
      case 'uncertain':
        await this.#ask(this.#random.pickIfAny(this.#oracle.uncertain(user)));
        break;
    }
  }

  /** Sends far more parallel logins than the limit allows, then mostly clears the user's tokens. */
  async #flood(user: number): Promise<void> {
    const logins = Array.from({ length: FLOOD }, (_, index) =>
      this.#login(user, index % this.#processes),
    );
    await Promise.all(logins);
    const token = this.#random.pickIfAny(this.#oracle.usable(user));
    if (!token) return;
    if (this.#random.next() < 0.6) await this.#logoutAll(token);
    // Or a logoutall at the same time as logins of the same user.
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
    const token = await this.#obtain(
      process,
      'login',
      { user, name: this.#newName(), ttlMs },
      { headers },
    );
    // A token that one process has made must work in the other one at once.
    if (token && this.#random.next() < 0.5) await this.#get((process + 1) % this.#processes, token);
    return token;
  }

  /** Sends the user's credentials. Returns the token of the answer, if there is one. */
  async #obtain(
    process: number,
    kind: 'login' | 'evictingLogin' | 'reauthenticate',
    { user, name, ttlMs }: Pick<KnownToken, 'user' | 'name' | 'ttlMs'>,
    sending: SoakSending,
    judge: (answer: SoakAnswer | null) => void = () => undefined,
  ): Promise<KnownToken | undefined> {
    const sentAt = Date.now();
    const body = { username: nameOf(user), password: PASSWORD, name };
    const answer = await this.#sender.send(process, kind, { ...sending, body });
    if (answer === null) this.unanswered.set(user, (this.unanswered.get(user) ?? 0) + 1);
    judge(answer);
    if (answer?.status !== 200) return undefined;
    const expiry = Date.parse(answer.body.expiry as string);
    const raw = answer.body.token as string;
    return this.#oracle.loggedIn({ user, name, raw, expiry, ttlMs, sentAt });
  }

  #newName(): string {
    return `session ${String(++this.#names)}`;
  }

  /** Logs a user in whose oldest token must go for it, and uses those that must stay. */
  async #evict(user: number): Promise<void> {
    if (Date.now() < (this.#restUntil.get(user) ?? 0)) return;
    const process = this.#process();
    this.#oracle.beginEviction(user, this.#tokenLimit);
    const session = { user, name: this.#newName(), ttlMs: EVICTING_TTL_MS };
    const token = await this.#obtain(process, 'evictingLogin', session, {});
    const evicted = this.#oracle.endEviction(user, this.#tokenLimit, token !== undefined);
    if (!token) this.#restUntil.set(user, Date.now() + LATE_MS);
    await this.#recheckTwice(evicted);
    for (const kept of this.#oracle.usable(user)) await this.#get(this.#process(), kept);
  }

  async #get(process: number, token: KnownToken): Promise<number | null> {
    const use = this.#oracle.use(token);
    const kind = isEvicting(token.user) ? 'getEvicting' : this.#random.weighed(GETS);
    const answer = await this.#sender.send(process, kind, { token: token.raw });
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
    const kind = this.#random.weighed(LOGOUTS);
    const answer = await this.#sender.send(this.#process(), kind, { token: token.raw });
    if (answer?.status === 401) this.#oracle.refused(use, 1);
    else if (answer?.status === 204) {
      this.#oracle.accepted(use);
      this.#oracle.ended(use, 'revocation');
    }
    this.#oracle.used(use, answer?.status !== 401);
    if (answer?.status === 204) await this.#recheckTwice([token]);
  }

  /** Sends requests at once that each would end this token, of which one must. Returns the tokens of reauthentications. */
  async #end(token: KnownToken, kinds: readonly EndKind[]): Promise<KnownToken[]> {
    const first = this.#process();
    // Before the first use: that one makes it unusable.
    const own = this.#oracle.usable(token.user);
    const uses = kinds.map(() => this.#oracle.use(token, true));
    const winners: EndKind[] = [];
    const statuses: (number | undefined)[] = [];
    const made = kinds.map(async (kind, index) => {
      const use = uses[index]!;
      const judge = (answer: SoakAnswer | null): void => {
        statuses.push(answer?.status);
        if (answer?.status !== 200 && answer?.status !== 204) return;
        this.#oracle.accepted(use);
        this.#oracle.ended(use, kind === 'reauthenticate' ? 'reauthentication' : 'revocation');
        winners.push(kind);
      };
      return this.#endBy(kind, (first + index) % this.#processes, token, own, judge);
    });
    const latest = (await Promise.all(made)).filter((one) => one !== undefined);
    const [use] = uses as [TokenUse, ...TokenUse[]];
    const isRefused = statuses.some((status) => status === 401 || status === 404);
    const isAnswered = statuses.every((status) => status !== undefined && status < 500);
    // A request without an answer may have ended it, which explains the refusals.
    if (winners.length === 0 && isRefused) this.#oracle.refused(use, isAnswered ? kinds.length : 0);
    if (winners.length > 1) this.#oracle.foundEndedTwice(use, winners);
    for (const one of uses) this.#oracle.used(one, !isRefused);
    if (winners.length > 0) await this.#recheckTwice([token]);
    return latest;
  }

  async #endBy(
    kind: EndKind,
    process: number,
    token: KnownToken,
    own: readonly KnownToken[],
    judge: (answer: SoakAnswer | null) => void,
  ): Promise<KnownToken | undefined> {
    if (kind === 'reauthenticate') {
      const latest = await this.#obtain(process, kind, token, { token: token.raw }, judge);
      if (latest) await this.#get((process + 1) % this.#processes, latest);
      return latest;
    }
    if (kind === 'consume') {
      judge(await this.#sender.send(process, kind, { body: { token: token.raw } }));
      return undefined;
    }
    const by = this.#random.pickIfAny(own) ?? token;
    const sending = { token: by.raw, id: publicIdOf(token) };
    if (by === token) judge(await this.#sender.send(process, kind, sending));
    else {
      const answer = await this.#present(process, kind, by, sending);
      // A 401 is about the token that asks.
      judge(answer?.status === 401 ? null : answer);
    }
    return undefined;
  }

  /** Sends a request with a token that it does not end. */
  async #present(
    process: number,
    kind: RequestKind,
    token: KnownToken,
    sending: SoakSending,
    judge: (answer: SoakAnswer, use: TokenUse) => void = () => undefined,
  ): Promise<SoakAnswer | null> {
    const use = this.#oracle.use(token);
    const answer = await this.#sender.send(process, kind, { ...sending, token: token.raw });
    if (answer?.status === 401) this.#oracle.refused(use);
    else if (answer && answer.status < 500) {
      this.#oracle.accepted(use);
      judge(answer, use);
    }
    this.#oracle.used(use, answer?.status !== 401);
    return answer;
  }

  async #list(token: KnownToken): Promise<void> {
    await this.#present(this.#process(), 'list', token, {}, ({ body }, use) =>
      this.#oracle.listed(use, body as never),
    );
  }

  /** @param others whether it ends all tokens but this one */
  async #logoutAll(token: KnownToken, others = false): Promise<void> {
    const use = this.#oracle.use(token);
    const ended = this.#oracle.beginLogoutAll(token.user, others ? token : undefined);
    const kind = others ? 'endOthers' : this.#random.weighed(LOGOUTALLS);
    const answer = await this.#sender.send(this.#process(), kind, { token: token.raw });
    const acknowledged = answer?.status === (others ? 200 : 204);
    if (answer?.status === 401) this.#oracle.refused(use, others ? 0 : 1);
    else if (acknowledged) this.#oracle.accepted(use);
    this.#oracle.endLogoutAll(token.user, ended, acknowledged);
    this.#oracle.used(use, answer?.status !== 401);
    if (acknowledged) await this.#recheckTwice(ended);
  }

  async #prune(): Promise<void> {
    await this.#sender.send(this.#process(), 'prune', {});
  }

  async #unknown(): Promise<void> {
    const token = randomBytes(32).toString('hex');
    const kind = this.#random.weighed(GETS);
    const answer = await this.#sender.send(this.#process(), kind, { token });
    if (answer?.status === 200) this.unknownAccepted++;
  }

  async #recheckTwice(tokens: readonly KnownToken[]): Promise<void> {
    const at = Date.now() + RECHECK_DELAY_MS;
    this.#pendingRechecks.push(...tokens.map((token) => ({ token, at })));
    await this.recheck(tokens);
  }

  async #recheckDue(): Promise<void> {
    const now = Date.now();
    const due = this.#pendingRechecks.filter(({ at }) => at <= now).slice(0, 50);
    if (due.length === 0) return;
    const rest = this.#pendingRechecks.filter((entry) => !due.includes(entry));
    this.#pendingRechecks.splice(0, this.#pendingRechecks.length, ...rest);
    await this.recheck(due.map(({ token }) => token));
  }

  #process(): number {
    return this.#random.below(this.#processes);
  }
}
