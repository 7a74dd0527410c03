import { hash } from 'node:crypto';
import { exchange, statusesIn } from './exchange.ts';
import { goodRequest, requestFrom, type Route, type Sample, type Secrets } from './grammar.ts';
import { logoutRequest } from './logout.grammar.ts';
import { mutate } from './mutations.ts';
import { sessionRequest } from './session.grammar.ts';
import { trySocket, type Mistake } from './sockets.ts';
import { Random } from '../support/random.ts';

interface FuzzTarget {
  /**
   * Its server must have `httpAllowHalfOpen` set: the fuzzer closes its half of the connection with
   * the last byte, so that what is cut short is over at once, and what is answered still arrives.
   */
  readonly url: string;
  /** A user for the fuzzer alone, who may hold any number of tokens. */
  readonly username: string;
  readonly password: string;
  readonly paths?: Partial<Record<Route, string>>;
  /** The public id of a session of another user. Default: of one that there is not. */
  readonly othersId?: string;
  /** The rows of the token table, each beginning with its digest, where they can be had. */
  readonly table?: () => Promise<string[]>;
  /** Whether it has a MeGateway. */
  readonly hasGateway?: boolean;
}

interface FuzzOptions {
  readonly seed: number;
  readonly count: number;
  /** Where to begin: a request depends on the seed and its number, and not on those before it. */
  readonly first?: number;
  /** Awaited before each request. */
  readonly before?: (index: number) => Promise<void> | void;
}

export interface FuzzReport {
  readonly seed: number;
  readonly requests: number;
  /** How often each status was answered; 0: closed without an answer. */
  readonly statuses: Record<string, number>;
  /** How often each `code` was in the answer: these are the package's own. */
  readonly codes: Record<string, number>;
  /**
   * How many good logouts with a body were sent, how many requests for sessions with a good token and something hostile,
   * and how many tokens were ended beside an open socket.
   */
  readonly logouts: number;
  readonly sessions: number;
  readonly sockets: number;
  /** What went wrong, with the seed, the number and the bytes of the request. */
  readonly failures: string[];
}

const PATHS = {
  me: '/me',
  sessions: '/auth/sessions',
  current: '/auth/sessions/current',
  login: '/auth/login',
  reauthenticate: '/auth/reauthenticate',
  logout: '/auth/logout',
  logoutall: '/auth/logoutall',
};
const MOST_FAILURES = 5;

/** Sends requests from the grammar, and good ones with something wrong; each has its verdict. */
export async function fuzz(target: FuzzTarget, options: FuzzOptions): Promise<FuzzReport> {
  return new Fuzzer(target, options).run();
}

class Fuzzer {
  readonly #target: FuzzTarget;
  readonly #options: FuzzOptions;
  readonly #paths: Record<Route, string>;
  readonly #statuses: Record<string, number> = {};
  readonly #codes: Record<string, number> = {};
  readonly #failures: string[] = [];
  #logouts = 0;
  #sessions = 0;
  #sockets = 0;
  #token = '';
  /** What the table held when it was last read, if nothing was written since. */
  #rows: string[] | undefined;
  #index = 0;
  /**
   * A good request with something behind it that is no HTTP gets Node's 400, and is obeyed all the
   * same, perhaps a moment later, and so is the second of two: until this request, rows may come and go.
   */
  #lateUntil = -1;
  #mayBeLoggedOut = false;

  constructor(target: FuzzTarget, options: FuzzOptions) {
    this.#target = target;
    this.#options = options;
    this.#paths = { ...PATHS, ...target.paths };
  }

  get #secrets(): Secrets {
    const { username, password } = this.#target;
    return { username, password, token: this.#token };
  }

  async run(): Promise<FuzzReport> {
    const { seed, count, first = 0, before } = this.#options;
    await this.#logIn();
    const end = first + count;
    for (let index = first; index < end && this.#failures.length < MOST_FAILURES; index++) {
      this.#index = index;
      await before?.(index);
      await this.#try(index);
      if (index % 20 === 0) await this.#expectGood('me', 200);
      if (index % 200 === 199) await this.#expectGood('logoutall', 204);
    }
    await this.#expectGood('logoutall', 204);
    return {
      seed,
      requests: this.#index + 1 - first,
      statuses: this.#statuses,
      codes: this.#codes,
      logouts: this.#logouts,
      sessions: this.#sessions,
      sockets: this.#sockets,
      failures: this.#failures,
    };
  }

  async #logIn(): Promise<void> {
    this.#rows = undefined;
    const answer = await exchange(
      this.#target.url,
      goodRequest('login', this.#secrets, this.#paths),
    );
    const [token] = tokensIn(answer);
    if (token === undefined) throw new Error(`The fuzzer cannot log in: ${answer || 'no answer'}`);
    this.#token = token;
  }

  /** Whatever was sent before, this is answered as ever. */
  async #expectGood(route: Route, status: number): Promise<void> {
    const send = async (): Promise<string> => {
      const request = goodRequest(route, this.#secrets, this.#paths);
      const answer = await exchange(this.#target.url, request);
      if (statusesIn(answer)[0] === status) return '';
      await this.#logIn();
      return `A good request after it: ${answer} ${JSON.stringify(request)}`;
    };
    let wrong = await send();
    // A logout that came late has ended this session.
    if (wrong !== '' && this.#mayBeLoggedOut) wrong = await send();
    if (this.#index > this.#lateUntil) this.#mayBeLoggedOut = false;
    if (wrong !== '') this.#fail(this.#index, '', wrong);
    else if (route === 'logoutall') await this.#logIn();
  }

  #sample(random: Random): Sample {
    const secrets = this.#secrets;
    if (random.chance(0.7)) {
      const sample = requestFrom(random, secrets, this.#paths);
      return random.chance(0.9) ? sample : { ...sample, text: mutate(sample.text, random) };
    }
    const route = random.pick<Route>(['me', 'login', 'login', 'logout', 'logoutall']);
    const text = goodRequest(route, secrets, this.#paths);
    return { route, text: mutate(text, random), hidden: false };
  }

  async #try(index: number): Promise<void> {
    const random = new Random(this.#options.seed + Math.imul(index, 0x9e3779b1));
    const kind = random.weighed({ sample: 76, session: 10, logout: 9, socket: 5 });
    if (kind === 'sample') await this.#trySample(index, random);
    else if (kind === 'session') await this.#trySession(index, random);
    else if (kind === 'logout' || !this.#target.hasGateway) await this.#tryLogout(index, random);
    else await this.#trySocket(index, random);
  }

  async #trySample(index: number, random: Random): Promise<void> {
    const { text, hidden } = this.#sample(random);
    const mayOpen = hidden || this.#holdsSecrets(text);
    // A client that is gone does not learn what it has done: not with good credentials, then.
    const aborts = !mayOpen && random.chance(0.05);
    await this.#send(index, text, { mayOpen, mayWrite: mayOpen, aborts });
  }

  /** A good token, and something hostile about a session: whatever it is, no row is changed. */
  async #trySession(index: number, random: Random): Promise<void> {
    this.#sessions++;
    const own = hash('sha512', this.#token, 'hex').slice(0, 32);
    const ids = { own, others: this.#target.othersId ?? '0'.repeat(32) };
    const { text, isRead } = sessionRequest(random, this.#secrets, this.#paths, ids);
    await this.#send(index, text, { mayOpen: isRead, mayWrite: false, aborts: false });
  }

  async #send(
    index: number,
    text: string,
    { mayOpen, mayWrite, aborts }: Record<'mayOpen' | 'mayWrite' | 'aborts', boolean>,
  ): Promise<void> {
    const before = this.#rows ?? (await this.#target.table?.());
    let answer: string;
    try {
      answer = await exchange(this.#target.url, text, aborts);
    } catch (error) {
      this.#fail(index, text, String(error));
      return;
    }
    const statuses = statusesIn(answer);
    count(this.#statuses, statuses.length > 0 ? statuses : [0]);
    count(
      this.#codes,
      [...answer.matchAll(/"code":"(\w+)"/g)].map(([, code]) => code!),
    );
    const wrong = this.#verdict(text, answer, statuses, mayOpen);
    if (wrong !== undefined) this.#fail(index, text, wrong);
    if (before) {
      const after = (await this.#target.table?.()) ?? [];
      this.#rows = mayWrite || index <= this.#lateUntil ? undefined : after;
      const wrongly = this.#written(before, after, mayWrite, tokensIn(answer).length);
      if (wrongly !== undefined) this.#fail(index, text, `${wrongly} ${answer}`);
    }
    const opened = statuses.some((status) => status >= 200 && status < 300);
    const unheard = mayWrite && !opened && !answer.includes('"code":');
    // Beside another request that was answered, too.
    const logouts = text.split('logout').length - 1;
    const lateLogout = mayWrite && logouts > statuses.filter((status) => status === 204).length;
    if (lateLogout || (unheard && text.includes('\r\n\r\n'))) this.#lateUntil = index + 20;
    this.#mayBeLoggedOut ||= lateLogout;
    if (statuses.includes(204) || (lateLogout && !(await this.#isLoggedIn()))) await this.#logIn();
  }

  /** A good logout is a 204, and the token is gone, whatever body it has. */
  async #tryLogout(index: number, random: Random): Promise<void> {
    this.#logouts++;
    const path = this.#paths[random.pick<Route>(['logout', 'logoutall'])];
    const request = logoutRequest(random, path);
    await this.#tryWithNewToken(index, request.textWith('<token>'), async (token) => {
      const answer = await exchange(this.#target.url, request.textWith(token));
      const status = statusesIn(answer).at(-1);
      count(this.#statuses, [status ?? 0]);
      if (status === 401) return { wrong: `A good logout: ${answer}`, isRefusal: true };
      if (status !== 204 && !(request.isTooLarge && status === undefined)) {
        return { wrong: `A good logout: ${answer}`, isRefusal: false };
      }
      return null;
    });
  }

  async #trySocket(index: number, random: Random): Promise<void> {
    this.#sockets++;
    const { url } = this.#target;
    await this.#tryWithNewToken(index, '', (token) =>
      trySocket(random, url, token, async (path) => {
        const request = goodRequest(path, { ...this.#secrets, token }, this.#paths);
        return statusesIn(await exchange(url, request))[0];
      }),
    );
  }

  /** Ends a new token in some way, and checks that it is gone. A refusal may be that of a logout that came late. */
  async #tryWithNewToken(
    index: number,
    request: string,
    end: (token: string) => Promise<Mistake | null>,
  ): Promise<void> {
    const tries = index <= this.#lateUntil ? 3 : 1;
    try {
      for (let tried = 1; ; tried++) {
        await this.#logIn();
        const mistake = await end(this.#token);
        if (mistake?.isRefusal && tried < tries) continue;
        if (mistake) this.#fail(index, request, mistake.wrong);
        else if (!(await this.#isGone(this.#token))) {
          this.#fail(index, request, 'The token is still good, or in the table.');
        }
        break;
      }
    } catch (error) {
      this.#fail(index, request, String(error));
    }
    await this.#logIn();
  }

  /** Whether a token is refused and has no row. */
  async #isGone(token: string): Promise<boolean> {
    if (await this.#isLoggedIn()) return false;
    const rows = await this.#target.table?.();
    const digest = hash('sha512', token, 'hex');
    return !rows?.some((row) => row.startsWith(digest));
  }

  async #isLoggedIn(): Promise<boolean> {
    const request = goodRequest('me', this.#secrets, this.#paths);
    return statusesIn(await exchange(this.#target.url, request))[0] === 200;
  }

  /** A row more for each token that was answered, and none less, or changed, without a good token. */
  #written(
    before: string[],
    after: string[],
    mayWrite: boolean,
    answered: number,
  ): string | undefined {
    const added = after.filter((row) => !before.includes(row)).length;
    const gone = before.filter((row) => !after.includes(row)).length;
    const mayBeLate = this.#index <= this.#lateUntil || mayWrite;
    if (added < answered || (added > answered && !mayBeLate)) {
      return `${added} rows for ${answered} tokens answered.`;
    }
    return gone > 0 && !mayBeLate ? `${gone} rows are gone or changed.` : undefined;
  }

  #verdict(
    text: string,
    answer: string,
    statuses: readonly number[],
    mayOpen: boolean,
  ): string | undefined {
    const [method, path = ''] = text.split(' ', 2);
    if (statuses.some((status) => status >= 500)) return `A fault: ${answer}`;
    const opens = statuses.some((status) => status >= 200 && status < 300);
    // Express answers OPTIONS by itself.
    if (opens && !mayOpen && method !== 'OPTIONS') return `Without right: ${answer}`;
    const { login } = this.#paths;
    if (path.startsWith(login) && statuses.length === 1 && answer.includes(this.#target.password)) {
      const pathItself = path.includes(this.#target.password);
      if (!pathItself) return `The password comes back: ${answer}`;
    }
    return undefined;
  }

  /** Whether the token or the password is in it, so that it may be answered with a 2xx. */
  #holdsSecrets(text: string): boolean {
    const { username, password } = this.#target;
    // The last character before the padding has bits that count for nothing.
    const basic = Buffer.from(`${username}:${password}`)
      .toString('base64')
      .replace(/.=*$/, '')
      .replaceAll('+', '-')
      .replaceAll('/', '_');
    return (
      text.includes(this.#token) ||
      text.includes(password) ||
      text.replaceAll('+', '-').replaceAll('/', '_').includes(basic)
    );
  }

  #fail(index: number, request: string, what: string): void {
    const { seed } = this.#options;
    this.#failures.push(
      `seed ${String(seed)}, request ${String(index)}: ${what.slice(0, 2_000)}\n` +
        `bytes (latin1): ${JSON.stringify(request.slice(0, 50_000))}`,
    );
  }
}

function count(counts: Record<string, number>, found: readonly (string | number)[]): void {
  for (const name of found) counts[name] = (counts[name] ?? 0) + 1;
}

function tokensIn(answer: string): string[] {
  return [...answer.matchAll(/"token":"(\w+)"/g)].map(([, token]) => token!);
}
